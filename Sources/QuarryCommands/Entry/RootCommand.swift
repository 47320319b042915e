import ArgumentParser

/// The command tree. What the contracts name beside this is in `Unbuilt`.
package struct RootCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "quarry",
    abstract: "Runs web extraction scripts, one by one or on a fleet, and keeps what they emit.",
    subcommands: [RunCommand.self, VersionCommand.self])

  package init() {}
}

struct ListCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists runs, tasks, workers or jobs.", subcommands: [])
}

struct InspectCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows one run, task or job.", subcommands: [])
}
