import Foundation
import QuarryCore
import QuarryRuntime
import Synchronization
import TestSupport
import Testing

/// What executors do wrong, and what ends a run from outside.
@Suite struct RunFailureTests {
  struct Case: CustomStringConvertible, Sendable {
    var description: String
    var body: String
    var outcome = Outcome.executorCrash
    var message: String
  }

  static let cases = [
    Case(description: "rubbish", body: "raw(b'Hello, world, this is not a frame')", message: "bytes"),
    Case(
      description: "oversized", body: "item(a=1)\nraw(struct.pack('>I', 1 << 30))\ntime.sleep(60)",
      message: "after event 1"),
    Case(description: "truncated", body: "item(a=1)\nraw(struct.pack('>I', 100) + b'half')", message: "inside a frame"),
    Case(
      description: "gap", body: "item(a=1)\nevent('item', {'item_type': 't', 'data': {}}, seq=5)\ntime.sleep(60)",
      message: "gap"),
    Case(
      description: "another run", body: "item(a=1)\nevent('log', {}, run_id='other')\ntime.sleep(60)",
      message: "'other'"),
    Case(description: "another attempt", body: "item(a=1)\nevent('log', {}, attempt=2)", message: "attempt 2"),
    Case(
      description: "another version", body: "event('log', {}, contract_version='9.9.9')\ntime.sleep(60)",
      outcome: .versionMismatch, message: "9.9.9"),
    Case(description: "no terminal event", body: "item(a=1)", message: "without run_complete"),
    Case(description: "code 1, no run_error", body: "sys.exit(1)", message: "without run_error"),
    Case(
      description: "code 1 after run_complete", body: "event('run_complete')\nsys.exit(1)",
      message: "after run_complete"),
    Case(description: "code 2", body: "sys.stderr.write('no heap\\n')\nsys.exit(2)", message: "code 2: no heap"),
    Case(
      description: "an error that Node tells of",
      body: "sys.stderr.write('Error: Cannot find x\\n    at y\\n\\nNode.js v26.1.0\\n')\nsys.exit(1)",
      message: "without run_error: Error: Cannot find x"),
    Case(description: "signal", body: "item(a=1)\nos.kill(os.getpid(), 9)", message: "signal 9"),
    Case(
      description: "signal after its terminal event", body: "event('run_complete')\nos.kill(os.getpid(), 11)",
      message: "signal 11"),
  ]

  @Test(arguments: cases) func badExecutorIsACrash(_ it: Case) async throws {
    let executor = try FakeExecutor(it.body)
    let harness = RunHarness()
    let report = try await harness.run(executor)
    #expect(report.outcome == it.outcome)
    #expect(report.message.contains(it.message), "\(report.message)")
    #expect(harness.sink.lines.last?["record_kind"] == "metrics")
    if it.body.hasPrefix("item") { #expect(harness.sink.lines(.event).count == 1, "what was valid is kept") }
    #expect(executor.isGone)
  }

  @Test func whoIsKilledHadNoTimeToSayWhy() async throws {
    let executor = try FakeExecutor("sys.stderr.write('some note\\n')\nsys.stderr.flush()\nos.kill(os.getpid(), 9)")
    let report = try await RunHarness().run(executor)
    #expect(report.message == "the executor was killed by signal 9")
  }

  @Test func grandchildThatHoldsOutputDelaysNothing() async throws {
    let mark = ProcessTree.mark()
    let executor = try FakeExecutor(
      "subprocess.Popen(['sleep', '\(mark)'], start_new_session=True)\nitem(a=1)\nevent('run_complete')")
    let report = try await RunHarness().run(executor)
    // Waiting for the grandchild would end as a crash: it holds the output for longer than the grace after the end.
    #expect(report.outcome == .success, "\(report.message)")
    #expect(ProcessTree.count("sleep\0\(mark)") == 0)
  }

  @Test func executorThatStaysAfterItsTerminalEventIsKilled() async throws {
    let executor = try FakeExecutor("event('run_complete')\ntime.sleep(60)")
    let report = try await RunHarness(exitGrace: .milliseconds(50)).run(executor)
    #expect(report.outcome == .executorCrash)
    #expect(report.message == "the executor did not exit within 50ms of its last event")
    #expect(executor.isGone)
  }

  @Test func timeoutKills() async throws {
    let executor = try FakeExecutor("signal.signal(15, signal.SIG_IGN)\nitem(a=1)\ntime.sleep(60)")
    let harness = RunHarness(timeout: .milliseconds(400))
    let report = try await harness.run(executor)
    #expect(report.outcome == .executorCrash)
    #expect(report.message.contains("timeout of 400ms"))
    #expect(harness.sink.lines(.metrics).count == 1)
    #expect(executor.isGone)
  }

  /// Ends the run, one way or another, as soon as its first item is stored.
  private func stopAfterFirstItem(
    _ body: String, _ reason: RunControl.StopReason
  ) async throws -> (RunReport, MemorySink, isGone: Bool) {
    let executor = try FakeExecutor(body)
    let harness = RunHarness()
    let control = RunControl(deadline: BootClock.after(.seconds(30)))
    harness.sink.onWrite { control.stop(reason) }
    let report = try await harness.run(executor, control: control)
    return (report, harness.sink, executor.isGone)
  }

  @Test func shutdownLetsTheScriptEndAndKeepsWhatItSaid() async throws {
    let (report, sink, isGone) = try await stopAfterFirstItem(
      """
      def end(*_):
          item(a=2)
          sys.exit(2)
      signal.signal(15, end)
      item(a=1)
      time.sleep(60)
      """, .shutdown)
    #expect(report.outcome == .executorCrash)
    #expect(report.message == "stopped before its end")
    #expect(sink.lines(.event).count == 2)
    #expect(sink.lines(.metrics).count == 1)
    #expect(isGone)
  }

  @Test func shutdownThatIsIgnoredIsFollowedByAKill() async throws {
    let (report, sink, isGone) = try await stopAfterFirstItem(
      "signal.signal(15, signal.SIG_IGN)\nitem(a=1)\ntime.sleep(60)", .shutdown)
    #expect(report.outcome == .executorCrash)
    #expect(report.duration < .seconds(40), "the executor would stay for 60 s")
    #expect(sink.lines(.metrics).count == 1)
    #expect(isGone)
  }

  @Test func nothingIsWrittenOnceTheLeaseIsLost() async throws {
    let (report, sink, isGone) = try await stopAfterFirstItem(
      "item(a=1)\nwhile True: item(a=2); time.sleep(0.02)", .leaseLost)
    #expect(report.isSuperseded)
    #expect(report.outcome == .executorCrash)
    #expect(sink.commits == 1)
    #expect(isGone)
  }

  @Test func deadlineThatPassesIsALostLease() async throws {
    let executor = try FakeExecutor("item(a=1)\ntime.sleep(60)")
    let harness = RunHarness()
    let report = try await harness.run(executor, control: RunControl(deadline: BootClock.after(.milliseconds(500))))
    #expect(report.isSuperseded)
    #expect(harness.sink.lines(.metrics).isEmpty)
    #expect(executor.isGone)
  }

  /// Also while the run's own thread waits for storage: nothing that it does may be needed for that.
  @Test func deadlineThatIsPushedForwardInTimeEndsNothing() async throws {
    let folder = TemporaryDirectory()
    let mark = "\(folder.path)/passed"
    let executor = try FakeExecutor(
      "item(a=1)\nwhile not os.path.exists('\(mark)'): time.sleep(0.01)\nevent('run_complete')")
    let deadline = BootClock.after(.seconds(5))
    let hasStarted = Mutex(false)
    let startedFirst = Mutex(false)
    let control = RunControl(deadline: deadline) { hasStarted.withLock { $0 = true } }
    let harness = RunHarness()
    harness.sink.onWrite {
      guard !FileManager.default.fileExists(atPath: mark) else { return }
      let isStarted = hasStarted.withLock { $0 }
      startedFirst.withLock { $0 = isStarted }
      control.extend(to: BootClock.after(.seconds(600)))
      while BootClock.now() < deadline + 200_000_000 { usleep(10_000) }
      _ = FileManager.default.createFile(atPath: mark, contents: nil)
    }
    let report = try await harness.run(executor, control: control)
    #expect(report.outcome == .success, "\(report.message)")
    let wasFirst = startedFirst.withLock { $0 }
    #expect(wasFirst, "the fleet hears of the start before anything is stored")
  }

  @Test func frameThatIsCutShortByASignalNamesTheSignal() async throws {
    let executor = try FakeExecutor("item(a=1)\nraw(b'\\0')\nos.kill(os.getpid(), 9)")
    let report = try await RunHarness().run(executor)
    #expect(report.message.contains("inside a frame") && report.message.contains("signal 9"), "\(report.message)")
  }

  @Test func executorWithoutItsInterpreterNeverRan() async throws {
    let executor = try FakeExecutor("exec no-such-node", interpreter: "/bin/sh")
    let harness = RunHarness()
    await #expect { try await harness.run(executor) } throws: {
      ($0 as? QuarryError)?.message.contains("no-such-node: not found") == true
    }
    #expect(harness.sink.lines.isEmpty)
  }

  @Test func storageThatRefusesIsAPolicyFailure() async throws {
    let executor = try FakeExecutor("item(a=1)\ntime.sleep(60)")
    let harness = RunHarness()
    harness.sink.refuse(QuarryError(.storage, "the disk is full"))
    let report = try await harness.run(executor)
    #expect(report.outcome == .policyFailure)
    #expect(report.message.contains("the disk is full"))
    #expect(report.metricsFailure?.kind == .storage)
    #expect(executor.isGone)
  }

  @Test func aMissingBrowserIsTheWorkersLackAndNamed() async throws {
    let executor = try FakeExecutor(
      """
      request['run_id']
      frame({'type': 'run_result', 'outcome': {'status': 'crash', 'error_type': 'browser_error',
             'message': 'no browser: connect ECONNREFUSED 127.0.0.1:9222'}})
      sys.exit(2)
      """)
    let report = try await RunHarness().run(executor)
    let partition = try RunPartition(dataset: "d", source: "s", category: "c", day: "2026-01-01", runID: "run-1")
    guard case .failed(.worker, let reason, _) = report.taskResult(partition: partition, storagePath: "") else {
      Issue.record("not the worker's: \(report.message)")
      return
    }
    #expect(reason.contains("connect ECONNREFUSED 127.0.0.1:9222"))
  }

  @Test func refusedWorkEndsTheRun() async throws {
    let executor = try FakeExecutor("event('enqueue', {'target': 't', 'params': {}})\ntime.sleep(60)")
    let work = CollectedWork(refusal: QuarryError(.fleet, "the lease is lost"))
    let report = try await RunHarness(derived: work).run(executor)
    #expect(report.outcome == .executorCrash)
    #expect(report.message.contains("the lease is lost"))
    #expect(executor.isGone)
  }

  @Test func executorThatCannotBeStartedIsRefusedBeforeAnythingIsWritten() async throws {
    let executor = try FakeExecutor("")
    let folder = executor.folder.path
    try "".write(toFile: folder + "/plain", atomically: false, encoding: .utf8)
    try "#!/nonexistent/interpreter\n".write(toFile: folder + "/unusable", atomically: false, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/unusable")
    for path in [folder, folder + "/plain", folder + "/unusable", folder + "/missing"] {
      let harness = RunHarness()
      var program = executor.program
      program.path = path
      await #expect { try await harness.run(program) } throws: {
        ($0 as? QuarryError)?.kind == .executor && "\($0)".contains(path) && "\($0)".contains("scripts/setup")
      }
      #expect(harness.sink.lines.isEmpty)
    }
  }

  @Test(arguments: ["[]", "3", "{", ""]) func jobThatIsNoObjectIsRefused(_ job: String) async throws {
    let executor = try FakeExecutor("sys.exit(9)")
    await #expect { try await RunHarness(job: job).run(executor.program) } throws: {
      ($0 as? QuarryError)?.kind == .usage
    }
  }
}
