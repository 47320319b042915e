import QuarryCore
import QuarryRuntime
import Testing

/// How a run's end counts for its task.
@Suite(.timeLimit(.minutes(5))) struct TaskResultTests {
  private func kind(
    _ body: String, derived: (any DerivedWorkSink)? = nil
  ) async throws -> TaskResult.FailureKind? {
    var harness = RunHarness()
    harness.derived = derived
    let report = try await harness.run(try FakeExecutor(body))
    let partition = try RunPartition(dataset: "d", source: "s", category: "c", day: "2026-01-01", runID: "run-1")
    guard case .failed(let kind, _, _) = report.taskResult(partition: partition, storagePath: "file:///") else {
      return nil
    }
    return kind
  }

  /// An error after answers with these statuses.
  private func kindAfter(_ statuses: [Int?], errorType: String = "script_error") async throws -> TaskResult.FailureKind?
  {
    let hosts = statuses.map { "{'host': 'shop.test'" + ($0.map { ", 'status': \($0)" } ?? "") + "}" }
    return try await kind(
      """
      event('run_error', {'error_type': '\(errorType)', 'message': 'm'})
      frame({'type': 'run_result', 'outcome': {'status': 'error', 'message': 'm'},
             'hosts': [\(hosts.joined(separator: ", "))]})
      sys.exit(1)
      """)
  }

  @Test func anErrorAfterARefusalIsTheSitesAndOneAfterAnAnswerTheScripts() async throws {
    for status in [429, 403, 503] {
      #expect(try await kindAfter([200, status]) == .blocked)
      #expect(try await kindAfter([status, 200]) == .app, "the script got over it")
    }
    #expect(try await kindAfter([403, nil]) == .blocked, "a note without a status is no answer")
    #expect(try await kindAfter([200, 404]) == .app)
    #expect(try await kindAfter([]) == .app)
    #expect(try await kindAfter([200], errorType: "blocked") == .blocked)
  }

  @Test func aBrowserThatDoesNotStartIsNotChargedToTheTask() async throws {
    let kind = try await kind(
      """
      frame({'type': 'run_result', 'outcome': {'status': 'crash', 'message': 'no browser', 'error_type': 'browser_error'}})
      sys.exit(2)
      """)
    #expect(kind == .worker)
  }

  private struct Refusing: DerivedWorkSink {
    let error: QuarryError
    func accept(_ work: DerivedWork) throws(QuarryError) { throw error }
  }

  @Test func workThatNobodyCouldCarryIsTheScriptsMistake() async throws {
    let body = "event('enqueue', {'target': 'a.ts', 'params': {}})\ntime.sleep(60)"
    #expect(try await kind(body, derived: Refusing(error: QuarryError(.usage, "too large"))) == .app)
    #expect(try await kind(body, derived: Refusing(error: QuarryError(.fleet, "the lease is lost"))) == .release)
  }
}
