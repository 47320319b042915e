import QuarryCore
import QuarryRuntime
import Synchronization
import TestSupport
import Testing

/// A run with an executor that behaves.
@Suite struct RunTests {
  @Test func itemsAndMetricsAreStoredAndTheReportSaysSo() async throws {
    let executor = try FakeExecutor(
      "item(job=request['job'], storage=request['storage'], job_id=request['job_id'])\nevent('run_complete', {'total': 1})"
    )
    let harness = RunHarness(job: "{\n\"n\": 9007199254740993}")
    let report = try await harness.run(executor)
    #expect(report.outcome == .success, "\(report.message)")
    let data = try #require(harness.sink.lines(.event).first?["payload"]?["data"])
    #expect(data["job"]?["n"] == 9_007_199_254_740_993)
    #expect(data["storage"]?["run_id"] == "run-1")
    #expect(data["job_id"] == "job-1")
    let metrics = try #require(harness.sink.lines.last)
    #expect(metrics["record_kind"] == "metrics")
    #expect(metrics["runs_completed_total"] == 1)
    #expect(metrics["events_persisted_total"] == 2)
    let json = try JSONParser.parse(report.jsonText)
    #expect(report.jsonText.hasSuffix("}\n") && report.jsonText.hasPrefix("{\n  \""))
    #expect(json["outcome"] == "success" && json["exit_code"] == 0 && json["event_count"] == 2)
    #expect(json["terminal_summary"] == ["total": 1])
    #expect(json["policy"]?["events_persisted"] == 2)
    #expect(json["metrics"]?["executor"] == "executor")
    #expect(json["stderr"] == nil)
    #expect(executor.isGone)
  }

  @Test func fileWritesAreAcknowledged() async throws {
    let executor = try FakeExecutor(
      """
      for i in (1, 2):
          frame(dict(type='file_write', write_id=i, filename='a%d' % i, content_type='t', data=b'x'))
          item(ack=ack().decode('latin1'))
      event('run_complete')
      """)
    let harness = RunHarness()
    let report = try await harness.run(executor)
    #expect(report.outcome == .success, "\(report.message)")
    #expect(harness.sink.files == ["a1", "a2"])
    #expect(
      harness.sink.lines(.event).prefix(2).allSatisfy {
        $0["payload"]?["data"]?["ack"]?.string?.contains("write_id") == true
      })
  }

  @Test func inputThatIsNeverReadStopsNothing() async throws {
    let executor = try FakeExecutor(
      """
      request.update(run_id='run-1', attempt=1)
      for i in range(2000): frame(dict(type='file_write', write_id=i + 1, filename='f%d' % i, content_type='t', data=b''))
      event('run_complete')
      """)
    let harness = RunHarness(job: #"{"big":"\#(String(repeating: "x", count: 3 << 20))"}"#)
    let report = try await harness.run(executor)
    #expect(report.outcome == .success, "\(report.message)")
    #expect(harness.sink.files.count == 2000)
  }

  @Test func scriptErrorKeepsItsTypeAndMessage() async throws {
    let executor = try FakeExecutor("event('run_error', {'error_type': 'boom', 'message': 'no price'})\nsys.exit(1)")
    let report = try await RunHarness().run(executor)
    #expect(report.outcome == .scriptError)
    #expect(report.message == "boom: no price")
    #expect(report.exitCode == 1)
  }

  @Test func enqueuedWorkGoesOutBeforeThePolicy() async throws {
    let work = CollectedWork()
    let executor = try FakeExecutor(
      "event('enqueue', {'target': 'b.ts', 'params': {'p': 2}})\nevent('enqueue', {'target': 'c.ts', 'params': {}})\nevent('run_complete')"
    )
    let report = try await RunHarness(derived: work).run(executor)
    #expect(report.outcome == .success, "\(report.message)")
    #expect(work.all.map(\.target) == ["b.ts", "c.ts"])
    #expect(work.all.map(\.index) == [0, 1])
    #expect(work.all.first?.params == #"{"p":2}"#)
  }

  @Test func floodOnStandardErrorStopsNothingAndIsBounded() async throws {
    let executor = try FakeExecutor(
      """
      os.write(2, b'first\\n')
      for i in range(1600): os.write(2, b'x' * 65536)
      os.write(2, b'last\\n')
      item(a=1)
      event('run_complete')
      """)
    let report = try await RunHarness().run(executor)
    #expect(report.outcome == .success, "\(report.message)")
    #expect(report.standardError.hasPrefix("first\nxxx") && report.standardError.hasSuffix("xxxlast\n"))
    #expect(report.standardError.contains("bytes left out"))
    #expect(report.standardError.utf8.count < 70_000)
  }

  @Test func standardErrorIsHandedOverLineByLine() async throws {
    let lines = Mutex<[String]>([])
    let executor = try FakeExecutor(
      "os.write(2, b'one\\ntw'); os.write(2, b'o\\n\\n' + b'x' * 100000 + b'\\nend')\nevent('run_complete')")
    let observer = RunObserver(onStandardError: { line in lines.withLock { $0.append(line) } })
    let report = try await RunHarness(observer: observer).run(executor)
    #expect(report.outcome == .success, "\(report.message)")
    let all = lines.withLock { $0 }
    #expect(Array(all.prefix(3)) == ["one", "two", ""])
    #expect(all.last == "end")
    #expect(all.dropFirst(3).dropLast().joined().count == 100_000, "a long line comes in pieces")
  }

  @Test func firstFrameMarksTheStart() async throws {
    let started = Mutex(0)
    let executor = try FakeExecutor("item(a=1)\nitem(a=2)\nevent('run_complete')")
    let report = try await RunHarness().run(executor, control: RunControl { started.withLock { $0 += 1 } })
    #expect(report.hasStarted)
    #expect(started.withLock { $0 } == 1)
  }
}

/// Takes derived work, or refuses it.
final class CollectedWork: DerivedWorkSink {
  private let state: Mutex<(all: [DerivedWork], refusal: QuarryError?)>

  init(refusal: QuarryError? = nil) { state = Mutex(([], refusal)) }

  var all: [DerivedWork] { state.withLock { $0.all } }

  func accept(_ work: DerivedWork) throws(QuarryError) {
    let refusal = state.withLock { state in
      state.all.append(work)
      return state.refusal
    }
    if let refusal { throw refusal }
  }
}
