struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Counts runs, jobs, tasks, executors and proxies, or adds up metrics.",
    subcommands: [
      StatsRunsCommand.self, StatsJobsCommand.self, StatsTasksCommand.self, StatsProxiesCommand.self,
      StatsExecutorsCommand.self, StatsMetricsCommand.self,
    ])
}
