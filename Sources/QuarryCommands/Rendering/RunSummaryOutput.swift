import QuarryCore
import QuarryRuntime

/// What `quarry run --format` prints of its end.
extension Output {
  /// - Parameter children: nil where nothing was to be fanned out.
  static func runSummary(_ report: RunReport, children: FanOutCounts?) -> Output {
    let values: [(String, JSONValue)] = [
      ("run_id", .string(report.identity.runID)), ("job_id", .optional(report.identity.jobID)),
      ("outcome", .string(report.outcome.rawValue)), ("message", .string(report.message)),
      ("duration_ms", .integer(report.duration.milliseconds)), ("events", .count(report.figures.eventsReceived)),
      ("items", .count(report.figures.items)),
    ]
    return .record(
      values.map { Field(name: $0.0, value: .value($0.1)) } + [
        Field(name: "children", value: children.map(fanOut) ?? .value(.null))
      ])
  }

  private static func fanOut(_ counts: FanOutCounts) -> Output {
    let outcomes = counts.byOutcome.sorted { $0.key.rawValue < $1.key.rawValue }
    return .record([
      Field(name: "started", value: .value(.count(counts.started))),
      Field(name: "outcomes", value: .record(outcomes.map { ($0.key.rawValue, .count($0.value)) })),
      Field(name: "duplicates", value: .value(.count(counts.duplicates))),
      Field(name: "beyond_depth", value: .value(.count(counts.beyondDepth))),
      Field(name: "beyond_max_runs", value: .value(.count(counts.beyondMaxRuns))),
      Field(name: "rejected", value: .value(.count(counts.rejected))),
      Field(name: "without_script", value: .value(.count(counts.unresolved))),
      Field(name: "not_started", value: .value(.count(counts.abandoned))),
    ])
  }
}
