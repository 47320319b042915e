import Foundation
import QuarryCore
import QuarryRuntime
import Synchronization
import TestSupport
import Testing

@Suite struct FanOutTests {
  let folder = TemporaryDirectory()

  /// Each run derives `children(run)`; answers the runs in the order of their starts.
  func fanOut(
    _ limits: FanOutLimits, children: @escaping @Sendable (FanOutRun) -> [DerivedWork]
  ) throws -> (runs: [FanOutRun], counts: FanOutCounts) {
    let (runs, counts, _) = try fanOut(limits, rejected: 0, children: children)
    return (runs, counts)
  }

  /// - Parameter rejected: what each run says of its own malformed work.
  func fanOut(
    _ limits: FanOutLimits, rejected: Int, children: @escaping @Sendable (FanOutRun) -> [DerivedWork]
  ) throws -> (runs: [FanOutRun], counts: FanOutCounts, notes: [String]) {
    let notes = Mutex<[String]>([])
    try Data().write(to: URL(filePath: "\(folder.path)/a.ts"))
    let script = try #require(realpath("\(folder.path)/a.ts", nil).map { String(cString: $0) })
    let started = Mutex<[FanOutRun]>([])
    let root = FanOutRun(script: script, params: "{}", runID: "root")
    let onNote: @Sendable (String) -> Void = { note in notes.withLock { $0.append(note) } }
    let fanOut = FanOut(root: root, limits: limits, workingDirectory: folder.path, onNote: onNote) {
      run, derived, _, _ in
      started.withLock { $0.append(run) }
      for work in children(run) { try? derived.accept(work) }
      return FanOutEnd(run.params == #"{"n":13}"# ? .scriptError : .success, enqueuesRejected: rejected)
    }
    let result = fanOut.run()
    #expect(result.outcome == .success)
    return (started.withLock { $0 }, result.children, notes.withLock { $0 })
  }

  func work(_ number: Int, target: String = "a.ts", source: String? = nil) -> DerivedWork {
    DerivedWork(index: number, target: target, params: #"{"n":\#(number)}"#, source: source)
  }

  @Test func derivesWithLineageAndBounds() throws {
    let (runs, counts) = try fanOut(FanOutLimits(depth: 2, maxRuns: 100, parallel: 2)) { run in
      run.depth == 0 ? [self.work(1), self.work(2, source: "other")] : [self.work(10 + run.depth)]
    }
    #expect(runs.count == 4)
    #expect(runs.filter { $0.depth == 1 }.allSatisfy { $0.parentRunID == "root" })
    #expect(runs.first { $0.params == #"{"n":2}"# }?.source == "other")
    #expect(counts.started == 3)
    #expect(counts.duplicates == 1)
    #expect(counts.beyondDepth == 1)
  }

  @Test func startsExactlyAsManyChildrenAsAllowed() throws {
    let (runs, counts) = try fanOut(FanOutLimits(depth: 1, maxRuns: 7, parallel: 4)) { run in
      run.depth == 0 ? (1...20).map { self.work($0) } : []
    }
    #expect(runs.count == 8)
    #expect(counts.started == 7)
    #expect(counts.beyondMaxRuns == 13)
    #expect(counts.byOutcome == [.success: 7])
  }

  @Test func theSameWorkRunsOnceWhateverTheOrderOfItsKeys() throws {
    let (runs, counts) = try fanOut(FanOutLimits(depth: 3, maxRuns: 10)) { run in
      let one = DerivedWork(index: 0, target: "a.ts", params: #"{"a":1,"b":2}"#)
      let same = DerivedWork(index: 1, target: "a.ts", params: #"{"b":2, "a":1}"#)
      let root = DerivedWork(index: 2, target: "a.ts", params: "{ }")
      return [one, same, root]
    }
    #expect(runs.count == 2)
    #expect(counts.duplicates == 5)
  }

  @Test func aTargetThatIsNotThereIsCounted() throws {
    let (_, counts) = try fanOut(FanOutLimits(depth: 1, maxRuns: 10)) { _ in [self.work(1, target: "none.ts")] }
    #expect(counts.unresolved == 1)
  }

  @Test func aTargetOutsideOfTheRootsFoldersIsNotRunAndToldOnce() throws {
    let outside = TemporaryDirectory()
    try Data().write(to: URL(filePath: "\(outside.path)/b.ts"))
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder.path)/c.ts", withDestinationPath: "\(outside.path)/b.ts")
    let up = "../\(URL(filePath: outside.path).lastPathComponent)/b.ts"
    let (runs, counts, notes) = try fanOut(FanOutLimits(depth: 1, maxRuns: 10), rejected: 0) { run in
      run.depth > 0
        ? []
        : [up, up, "\(outside.path)/b.ts", "c.ts", "x/../a.ts", "./a.ts"].enumerated().map { self.work($0, target: $1) }
    }
    #expect(counts.unresolved == 5)
    #expect(runs.map(\.depth) == [0, 1])
    #expect(notes.count == 4 && notes.allSatisfy { $0.contains("outside of the root script's folder") }, "\(notes)")
  }

  @Test func theSiblingsOfALinkedRootScriptAreFound() throws {
    for name in ["app", "rel"] {
      try FileManager.default.createDirectory(atPath: "\(folder.path)/\(name)", withIntermediateDirectories: false)
    }
    for file in ["rel/run.ts", "rel/there.ts", "app/here.ts"] {
      try Data().write(to: URL(filePath: "\(folder.path)/\(file)"))
    }
    let link = "\(folder.path)/app/run.ts"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "../rel/run.ts")
    let root = FanOutRun(script: link, params: "{}", runID: "root")
    let elsewhere = TemporaryDirectory()
    let fanOut = FanOut(root: root, limits: FanOutLimits(depth: 1, maxRuns: 5), workingDirectory: elsewhere.path) {
      run, derived, _, _ in
      for target in run.depth == 0 ? ["here.ts", "../rel/there.ts"] : [] {
        try? derived.accept(self.work(1, target: target))
      }
      return FanOutEnd(.success)
    }
    #expect(fanOut.run().children.started == 2)
  }

  @Test(arguments: [(0, 0), (1, 1)])
  func anInterruptAbandonsOnlyWhatWouldHaveRun(depth: Int, abandoned: Int) throws {
    let interrupted = Mutex<FanOut?>(nil)
    try Data().write(to: URL(filePath: "\(folder.path)/a.ts"))
    let root = FanOutRun(script: "\(folder.path)/b.ts", params: "{}", runID: "root")
    let limits = FanOutLimits(depth: depth, maxRuns: 5)
    let fanOut = FanOut(root: root, limits: limits, workingDirectory: folder.path) { _, derived, _, _ in
      interrupted.withLock { $0 }?.interrupt()
      try? derived.accept(self.work(1))
      return FanOutEnd(.success)
    }
    interrupted.withLock { $0 = fanOut }
    #expect(fanOut.run().children.abandoned == abandoned)
    interrupted.withLock { $0 = nil }
  }

  @Test func noMoreRunsAtOnceThanThereCanBe() {
    #expect(FanOutLimits(depth: 1, maxRuns: 3, parallel: 200).runsAtOnce == 4)
    #expect(FanOutLimits(depth: 1, maxRuns: .max, parallel: 2).runsAtOnce == 2)
  }

  @Test func aDelayedChildStartsAfterItsTimeAndAChildHasItsOwnTimeout() throws {
    let began = ContinuousClock.now
    let (runs, counts) = try fanOut(FanOutLimits(depth: 1, maxRuns: 10)) { run in
      guard run.depth == 0 else { return [] }
      var work = self.work(1)
      work.options = DerivedWork.Options(delayMilliseconds: 60, timeoutMilliseconds: 1_500)
      return [work]
    }
    #expect(counts.started == 1)
    #expect(ContinuousClock.now - began >= .milliseconds(60))
    #expect(runs.last?.timeout == .milliseconds(1_500))
  }

  @Test func workWhoseRunCouldNotBeStoredIsRejectedByName() throws {
    let (runs, counts, notes) = try fanOut(FanOutLimits(depth: 1, maxRuns: 10), rejected: 2) { _ in
      [self.work(1, source: ".."), self.work(2, source: "_fleet"), self.work(3)]
    }
    #expect(runs.count == 2)
    #expect(counts.started == 1 && counts.byOutcome == [.success: 1])
    #expect(counts.rejected == 2 + 2 * 2, "two by their source, two by each of the two runs")
    #expect(notes.count == 2)
    #expect(notes.first?.contains("of 'a.ts', enqueued by run root, is rejected: source '..'") == true, "\(notes)")
  }

  @Test func aFailingChildDoesNotStopTheRest() throws {
    let (_, counts) = try fanOut(FanOutLimits(depth: 1, maxRuns: 20)) { run in
      run.depth == 0 ? (12...15).map { self.work($0) } : []
    }
    #expect(counts.byOutcome == [.success: 3, .scriptError: 1])
  }

  @Test func theFirstInterruptLetsRunsEndAndTheSecondStopsThem() async throws {
    let root = FanOutRun(script: "/a.ts", params: "{}", runID: "root")
    let (events, continuation) = AsyncStream.makeStream(of: String.self)
    let fanOut = FanOut(root: root, limits: FanOutLimits(depth: 1, maxRuns: 5), workingDirectory: "/") {
      _, _, control, _ in
      let stopped = NSCondition()
      control.attach { stopped.withLock { stopped.broadcast() } }
      continuation.yield("started")
      stopped.withLock { while control.stopReason == nil { stopped.wait() } }
      return FanOutEnd(.executorCrash)
    }
    let result = Task { await OwnThread.run { fanOut.run() } }
    for await _ in events { break }
    #expect(fanOut.storedOutcome == nil)
    fanOut.interrupt()
    fanOut.interrupt()
    #expect(await result.value.outcome == .executorCrash)
  }

  @Test(arguments: [Outcome.success, .scriptError])
  func anInterruptWhileOthersAreToldOfAllThatIsStoredChangesNothing(_ outcome: Outcome) async throws {
    let root = FanOutRun(script: "/a.ts", params: "{}", runID: "root")
    let (events, continuation) = AsyncStream.makeStream(of: String.self)
    let hurry = DispatchSemaphore(value: 0)
    let fanOut = FanOut(root: root, limits: FanOutLimits(depth: 1, maxRuns: 5), workingDirectory: "/") {
      _, _, control, onStored in
      control.attach { hurry.signal() }
      onStored(outcome)
      continuation.yield("stored")
      hurry.wait()
      return FanOutEnd(outcome)
    }
    let result = Task { await OwnThread.run { fanOut.run() } }
    for await _ in events { break }
    #expect(fanOut.storedOutcome == outcome)
    fanOut.interrupt()
    fanOut.interrupt()
    #expect(fanOut.storedOutcome == outcome)
    #expect(await result.value.outcome == outcome)
  }

  @Test func whatAnInterruptKeptFromStartingCutsTheWholeShort() async throws {
    try Data().write(to: URL(filePath: "\(folder.path)/a.ts"))
    let root = FanOutRun(script: "\(folder.path)/a.ts", params: "{}", runID: "root")
    let child = work(1)
    let (events, continuation) = AsyncStream.makeStream(of: String.self)
    let interrupted = DispatchSemaphore(value: 0)
    let fanOut = FanOut(root: root, limits: FanOutLimits(depth: 1, maxRuns: 5), workingDirectory: "/") {
      _, derived, _, _ in
      // A fan-out takes all work.
      try? derived.accept(child)
      continuation.yield("enqueued")
      interrupted.wait()
      return FanOutEnd(.success)
    }
    let result = Task { await OwnThread.run { fanOut.run() } }
    for await _ in events { break }
    fanOut.interrupt()
    interrupted.signal()
    #expect(await result.value.outcome == .executorCrash)
    #expect(await result.value.children.abandoned == 1)
  }
}
