import QuarryCore
import QuarryRuntime
import Testing

/// One run of a fake executor into memory.
struct RunHarness {
  let sink = MemorySink()
  var job = #"{"n":1}"#
  var script = "script.ts"
  var timeout: Duration?
  var proxy: RunProxy?
  var exitGrace = Duration.seconds(10)
  var derived: (any DerivedWorkSink)?
  var executors: ExecutorPool?
  var observer = RunObserver()

  func run(_ executor: FakeExecutor, control: RunControl = RunControl()) async throws -> RunReport {
    try await run(executor.program, control: control)
  }

  func run(_ program: ExecutorProgram, control: RunControl = RunControl()) async throws -> RunReport {
    let partition = try RunPartition(dataset: "d", source: "s", category: "c", day: "2026-01-01", runID: "run-1")
    var configuration = RunConfiguration(
      identity: RunIdentity(runID: "run-1", jobID: "job-1"), partition: partition, script: script, job: job,
      policy: .strict, executor: program)
    configuration.timeout = timeout
    configuration.proxy = proxy
    configuration.exitGrace = exitGrace
    return try await RunOrchestrator(
      configuration, sink: sink, derived: derived, executors: executors, observer: observer
    )
    .run(control: control)
  }
}
