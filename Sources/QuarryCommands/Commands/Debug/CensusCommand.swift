import QuarryCore
import QuarryFleet

struct CensusCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "census",
    abstract: "Counts the tasks of a live fleet by its lists and by the tasks themselves, and names what disagrees.")

  @OptionGroup var fleet: FleetOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let address = try fleet.address(in: context)
    let report = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      try await Census.report(queue)
    }
    try output.render(.census(report), in: context)
    if report.hasMoved {
      context.console.say(
        "tasks moved while they were counted: each was checked by itself, sums were not compared; pause the fleet for those"
      )
    }
    if report.problemCount > 0 { context.console.say(report.remedy) }
    return report.problemCount == 0 ? 0 : ExitCode.failure
  }
}

extension Output {
  static func census(_ report: CensusReport) -> Output {
    let jobs = report.jobs.map { job in
      Output.record(
        [("job_id", .string(job.jobID))]
          + TaskState.allCases.map { state -> (String, JSONValue) in
            let (listed, told) = (job.listed[state] ?? 0, job.told[state] ?? 0)
            return (state.rawValue, listed == told ? .count(listed) : .string("\(listed) listed, \(told) told"))
          })
    }
    return .record([
      Field(name: "tasks", value: .value(.count(report.tasks))),
      Field(name: "moving", value: .value(.bool(report.hasMoved))),
      Field(name: "problem_count", value: .value(.count(report.problemCount))),
      Field(name: "problems", value: .list(report.problems.map { .value(.string($0)) })),
      Field(name: "jobs", value: .list(jobs)),
    ])
  }
}
