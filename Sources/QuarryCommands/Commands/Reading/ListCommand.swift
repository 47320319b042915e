import ArgumentParser

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists runs, tasks, workers or jobs.",
    subcommands: [ListRunsCommand.self, ListTasksCommand.self, ListWorkersCommand.self, ListJobsCommand.self])
}

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows one run, task or job.",
    subcommands: [InspectRunCommand.self, InspectTaskCommand.self, InspectJobCommand.self])
}
