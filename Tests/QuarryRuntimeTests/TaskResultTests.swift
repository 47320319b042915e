import QuarryCore
import QuarryRuntime
import Testing

/// How a run's end counts for its task.
@Suite(.timeLimit(.minutes(5))) struct TaskResultTests {
  private func kind(
    _ body: String, derived: (any DerivedWorkSink)? = nil
  ) async throws -> TaskResult.FailureKind? {
    guard case .failed(let kind, _, _) = try await result(body, derived: derived) else { return nil }
    return kind
  }

  private func result(_ body: String, derived: (any DerivedWorkSink)? = nil) async throws -> TaskResult {
    var harness = RunHarness()
    harness.derived = derived
    let report = try await harness.run(try FakeExecutor(body))
    let partition = try RunPartition(dataset: "d", source: "s", category: "c", day: "2026-01-01", runID: "run-1")
    return report.taskResult(partition: partition, storagePath: "file:///")
  }

  /// What a run learned of hosts that ended with an error, or well, after these notes of its executor.
  private func hosts(_ notes: String, error type: String?, rotating: Bool = false) async throws -> [HostNote] {
    let end = type.map { "event('run_error', {'error_type': '\($0)', 'message': 'm'})" } ?? "event('run_complete')"
    let result = try await result(
      """
      \(rotating ? "event('rotate_proxy')" : "pass")
      \(end)
      frame({'type': 'run_result', 'outcome': {'status': '\(type == nil ? "completed" : "error")', 'message': 'm'},
             'hosts': [\(notes)]})
      sys.exit(\(type == nil ? 0 : 1))
      """)
    switch result {
    case .accepted(let figures): return figures.hosts
    case .failed(let kind, _, let figures):
      #expect(type == nil || kind == .blocked)
      return figures.hosts
    }
  }

  @Test func whatARunLearnsOfHostsIsToldOncePerHost() async throws {
    let notes = """
      {'host': 'a.test', 'status': 200, 'ms': 100}, {'host': 'b.test:80', 'crawl_delay_ms': 5000},
      {'host': 'a.test', 'status': 429, 'retry_after_ms': 7000, 'ms': 2}, {'host': 'a.test', 'status': 200, 'ms': 300}
      """
    #expect(
      try await hosts(notes, error: nil) == [
        HostNote(host: "a.test", hasAnswered: true, latency: .milliseconds(200)),
        HostNote(host: "b.test:80", crawlDelay: .seconds(5)),
      ])
    #expect(try await hosts("", error: nil).isEmpty)
    let asked = try await hosts("{'host': 'a', 'status': 503, 'retry_after_ms': 9, 'ms': 1}", error: nil)
    #expect(
      asked == [HostNote(host: "a", wait: .milliseconds(9))], "it got over the refusal, and the host asked for rest")
  }

  @Test func aRefusalNamesItsHostOrTheTasksOwn() async throws {
    let refused = try await hosts("{'host': 'a', 'status': 200}, {'host': 'b', 'status': 403}", error: "script_error")
    #expect(refused == [HostNote(host: "a", hasAnswered: true), HostNote(host: "b", hasRefused: true)])
    let said = try await hosts("{'host': 'a', 'status': 200}", error: "blocked")
    #expect(said == [HostNote(host: "a", hasAnswered: true), HostNote(host: "", hasRefused: true)])
    let other = try await hosts("{'host': 'a', 'status': 200}", error: "script_error", rotating: true)
    #expect(other == [HostNote(host: "a", hasAnswered: true)], "the proxy is to blame")
  }

  @Test func aWishForAnotherProxyInARunThatSucceedsFailsNothing() async throws {
    #expect(try await kind("event('rotate_proxy')\nevent('run_complete')") == nil)
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
