struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists runs, tasks, workers, executors, jobs, events, rejected submissions or pools of proxies.",
    subcommands: [
      ListRunsCommand.self, ListTasksCommand.self, ListWorkersCommand.self, ListExecutorsCommand.self,
      ListJobsCommand.self, ListPoolsCommand.self, ListRejectsCommand.self, ListEventsCommand.self,
    ])
}

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows one run, task, job, worker, executor or pool of proxies.",
    subcommands: [
      InspectRunCommand.self, InspectTaskCommand.self, InspectJobCommand.self, InspectWorkerCommand.self,
      InspectExecutorCommand.self, InspectProxyCommand.self,
    ])
}
