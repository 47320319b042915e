import QuarryCore
import QuarryFleet
import TestSupport
import Testing

/// A worker whose scripts are not those that a job means is given no task of it, and it can be seen why.
@Suite(.timeLimit(.minutes(5))) struct ScriptGuardTests {
  enum Difference: CaseIterable, Sendable { case content, missing }

  /// Another machine's folder of scripts, in which `page.ts` differs.
  private func other(_ folder: TemporaryDirectory, _ difference: Difference) throws -> ScriptRoot {
    let root = try ScriptRoot(folder.path)
    if difference == .content { try CrawlFixture.write("// of yesterday", to: "page.ts", in: root) }
    return root
  }

  private func refused(_ notices: [WorkerNotice]) -> Bool {
    notices.contains { if case .jobRefused(jobID: "job", _) = $0 { true } else { false } }
  }

  @Test(arguments: Difference.allCases)
  func aWorkerWhoseScriptDiffersGivesTheTaskBackAndOthersRunIt(_ difference: Difference) async throws {
    let fixture = try CrawlFixture()
    let folder = TemporaryDirectory()
    try await fixture.submit()
    let odd = try await fixture.worker("odd", root: try other(folder, difference)) { task, _, _ in
      fixture.succeeded.add("odd ran \(task.taskID)")
      return .accepted(RunFigures(outcome: .success))
    }
    async let oddEnd = odd.run()
    try await fixture.workerNotices.wait(until: refused)
    try await fixture.workerNotices.wait { notices in
      notices.contains { if case .runFailed(_, .release, reason: _, then: "ready") = $0 { true } else { false } }
    }

    let reader = try await fixture.queue("reader")
    let reason = try #require(try await reader.workers().first?.refusals["job"])
    #expect(reason.contains("script 'page.ts'"))
    let task = try #require(try await reader.task("job-root"))
    #expect(task.refusals == ["odd": reason] && task.gate == .noWorker)
    #expect(task.task.attempt == 0 && task.task.appFailures == 0)
    #expect(try await reader.status(jobID: "job").eligibleWorkers == 0)

    let good = try await fixture.worker("good", fixture.tree(pages: 3))
    async let goodEnd = good.run()
    try await fixture.waitUntilFinished("job")
    for worker in [odd, good] { worker.drain() }
    #expect(try await oddEnd == .drained)
    #expect(try await goodEnd == .drained)
    #expect(fixture.succeeded.count == 3 && !fixture.succeeded.all.contains { $0.hasPrefix("odd") })
  }

  @Test func aWorkerWhoseScriptBecomesTheSameTakesTheJobAgain() async throws {
    let fixture = try CrawlFixture()
    let folder = TemporaryDirectory()
    let root = try other(folder, .content)
    try await fixture.submit()
    let worker = try await fixture.worker("w1", root: root, fixture.tree(pages: 3))
    async let end = worker.run()
    try await fixture.workerNotices.wait(until: refused)
    try CrawlFixture.write(CrawlFixture.page, to: "page.ts", in: root)
    try await fixture.waitUntilFinished("job")
    try await fixture.workerNotices.wait { $0.contains(.jobTakenBack(jobID: "job")) }
    worker.drain()
    #expect(try await end == .drained)
    #expect(fixture.succeeded.count == 3)
  }

  @Test func theFirstContentThatIsNamedForATargetCounts() async throws {
    let bench = try await QueueBench.make()
    for worker in ["a", "b"] { try await bench.join(worker) }
    try await bench.submit()
    let root = try await bench.one("a")
    #expect(root.scriptHash == nil)
    #expect(try await bench.queue.vouch(for: root.target, of: "job", hash: "one", workerID: "a") == "one")
    #expect(try await bench.queue.vouch(for: root.target, of: "job", hash: "two", workerID: "b") == "one")
    try await bench.fail(root, .release, "a")
    #expect(try await bench.one("b").scriptHash == "one")
    // A job that is gone leaves nothing behind.
    #expect(try await bench.queue.vouch(for: "x.ts", of: "nowhere", hash: "h", workerID: "a") == "h")
    #expect(try await bench.raw.send(["EXISTS", .text("quarry:{\(bench.fleet)}:scripts:nowhere")]).int == 0)
  }

  @Test func scriptsBesideTheRootAreNamedWithIt() throws {
    let folder = TemporaryDirectory()
    let root = try ScriptRoot(folder.path)
    for name in ["list.ts", "detail.mjs", "notes.txt"] { try CrawlFixture.write(name, to: name, in: root) }
    let hashes = try root.contentHashes(around: "list.ts")
    #expect(hashes.keys.sorted() == ["detail.mjs", "list.ts"])
    #expect(hashes["list.ts"] == Fingerprint.ofContent(Array("list.ts".utf8)))
    #expect(throws: QuarryError.self) { try root.contentHashes(around: "missing.ts") }
  }
}
