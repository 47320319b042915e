import QuarryCore

/// The command tree.
package struct RootCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "quarry",
    abstract: "Runs web extraction scripts, one by one or on a fleet, and keeps what they emit.",
    subcommands: [
      RunCommand.self, CoordinatorCommand.self, WorkerCommand.self, ListCommand.self, InspectCommand.self,
      StatsCommand.self, TopCommand.self, PauseCommand.self, ResumeCommand.self, DrainCommand.self, CancelCommand.self,
      RequeueCommand.self, ControlCommand.self, SubmitCommand.self,
      CatCommand.self, ArtifactCommand.self, LodeCommand.self, AdapterCommand.self, ConfigCommand.self,
      DebugCommand.self,
      VersionCommand.self,
    ])

  package init() {}
}
