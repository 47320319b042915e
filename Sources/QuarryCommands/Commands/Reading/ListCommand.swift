import ArgumentParser

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists runs, tasks, workers, jobs or pools of proxies.",
    subcommands: [
      ListRunsCommand.self, ListTasksCommand.self, ListWorkersCommand.self, ListJobsCommand.self, ListPoolsCommand.self,
    ])
}

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows one run, task, job or pool of proxies.",
    subcommands: [
      InspectRunCommand.self, InspectTaskCommand.self, InspectJobCommand.self, InspectProxyCommand.self,
    ])
}
