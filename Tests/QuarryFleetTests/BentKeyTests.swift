import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Keys that somebody has bent or taken away by hand: other jobs go on, and what is wrong is named.
@Suite(.timeLimit(.minutes(5))) struct BentKeyTests {
  /// A job whose root runs and which has three more tasks.
  private func bench() async throws -> (QueueBench, TaskAssignment) {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit(host: "shop")
    let root = try await bench.one("w")
    try await bench.start(root, "w")
    try await bench.emit((0..<3).map { bench.work($0, "https://shop/\($0)") }, by: root, "w")
    try await bench.admit()
    return (bench, root)
  }

  private func bend(_ bench: QueueBench, _ key: String) async throws {
    _ = try await bench.raw.send(["SET", .text(bench.queue.keys.prefix + key), "bent"])
  }

  private func problems(_ bench: QueueBench) async throws -> [String] { try await Census.report(bench.queue).problems }

  /// Another job, from its submission to its end, with a task that it derives.
  private func expectAnotherJobRuns(_ bench: QueueBench) async throws {
    try await bench.submit("other", host: "shop") { $0.lane = "high" }
    try await bench.skipTurns()
    let root = try await bench.run("w", emitting: ["https://shop/other"])
    #expect(root.jobID == "other")
    while try await bench.admit() > 0 {}
    while try await bench.status("other").ready > 0 {
      let task = try await bench.one("w")
      try await bench.start(task, "w")
      try await bench.complete(task, "w")
    }
    try await bench.settleAll()
    let status = try await bench.status("other")
    #expect(status.isFinished && status.done == 2)
  }

  @Test(arguments: [
    "host:shop", "slots:shop", "starting:shop", "hostjobs:default:shop", "ready:default:job:shop", "index:job:done",
    "index:job:leased", "prints:job", "job:job", "open:default:job", "held:w", "replies:w", "cut:job-root", "leases",
  ])
  func aKeyOfAnotherTypeIsNamedAndStopsNoOtherJob(_ key: String) async throws {
    let (bench, root) = try await bench()
    try await bend(bench, key)
    let name = bench.queue.keys.prefix + key
    #expect(try await problems(bench).contains { $0.hasPrefix("the key \(name) holds a string and has to be a ") })
    _ = try await bench.queue.jobs(limit: 10)
    _ = try await bench.queue.listTasks(limit: 10)
    _ = try await bench.queue.workers()
    _ = try await bench.queue.queueView()
    _ = try await bench.queue.job("job")
    _ = try await bench.queue.task("job-root")
    #expect(try await bench.raw.send(["TYPE", .text(name)]).text == "string", "what only reads changes nothing")

    try await bench.complete(root, "w")
    try await expectAnotherJobRuns(bench)
    try await bench.reap()
  }

  private func takeAwayList(_ bench: QueueBench, _ command: String = "DEL") async throws {
    let list = bench.queue.keys.ready("default", "job", "shop")
    _ = try await bench.raw.send(RedisCommand([.text(command), .text(list)] + (command == "SET" ? ["bent"] : [])))
  }

  /// The next claim notices it, or the next push.
  @Test(arguments: ["SET", "DEL"], [true, false])
  func aListThatWasTakenAwayIsMadeAnew(_ command: String, isNoticedByClaim: Bool) async throws {
    let (bench, root) = try await bench()
    try await takeAwayList(bench, command)
    if isNoticedByClaim {
      #expect(try await bench.claim("w").isEmpty)
      try await bench.complete(root, "w")
    } else {
      try await bench.emit([bench.work(3, "https://shop/3")], by: root, "w")
      try await bench.complete(root, "w", emitted: 4)
      try await bench.admit()
    }
    try await bench.reap()
    for _ in 0..<(isNoticedByClaim ? 3 : 4) { try await bench.run("w") }
    try await bench.settleAll()
    #expect(try await bench.status().isFinished)
    #expect(try await bench.census().isEmpty)
    let told = try await bench.queue.events(after: "0", limit: 200).filter { $0.type == "key_replaced" }
    #expect(told.contains { $0.fields["error"]?.contains("ready:default:job:shop was gone") == true })
  }

  /// A cancel takes the host away from the job as well, so that no claim looks there any more.
  @Test func aListThatWasTakenAwayIsNoticedByACancel() async throws {
    let (bench, root) = try await bench()
    let waiting = try await bench.queue.listTasks(state: .ready, limit: 9)
    try await takeAwayList(bench)
    _ = try await bench.queue.cancel(taskID: try #require(waiting.first).taskID)
    try await bench.complete(root, "w")
    try await bench.reap()
    for _ in 0..<2 { try await bench.run("w") }
    try await bench.settleAll()
    let status = try await bench.status()
    #expect(status.isFinished && status.done == 3 && status.cancelled == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aLongListThatWasTakenAwayIsMadeAnewInSteps() async throws {
    let (bench, root) = try await bench()
    for start in stride(from: 3, to: 1_203, by: 100) {
      let elsewhere = (start..<start + 100).map { bench.work($0, "https://\($0 % 4 == 0 ? "other" : "shop")/\($0)") }
      try await bench.emit(elsewhere, by: root, "w")
      try await bench.admit()
    }
    try await takeAwayList(bench)
    while try await bench.claim("w").first?.taskID != nil {
      // The other host's tasks are handed out meanwhile.
    }
    let list = RedisArgument.text(bench.queue.keys.ready("default", "job", "shop"))
    var lengths = [try await bench.raw.send(["LLEN", list]).int ?? 0]
    repeat {
      let answer = try await bench.queue.reap(limit: 500, term: 0, requestID: UUIDv7.make())
      lengths.append(try await bench.raw.send(["LLEN", list]).int ?? 0)
      if lengths.last != 903 { #expect(answer.untilNextTick == .zero, "the rest does not wait") }
    } while lengths[lengths.count - 1] > lengths[lengths.count - 2]
    #expect(lengths.last == 903)
    #expect(lengths.count > 3 && zip(lengths, lengths.dropFirst()).allSatisfy { $1 - $0 < 600 }, "\(lengths)")
    #expect(try await problems(bench).isEmpty)
  }

  /// Without them no claim comes upon the job.
  @Test(arguments: [["hosts"], ["open"], ["rota"], ["open", "hosts"], ["hostjobs", "open", "rota"]])
  func whoWaitsIsNotForgottenWithTheKeysThatSaySo(_ kinds: [String]) async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit(host: "shop") { $0.politeness.hostDelay = .seconds(5) }
    try await bench.run("w", emitting: (0..<3).map { "https://shop/\($0)" })
    try await bench.admit()
    for key in try await bench.raw.send(["KEYS", "*"]).elements ?? [] {
      guard let name = key.text, kinds.contains(where: { name.hasPrefix(bench.queue.keys.prefix + $0 + ":") }) else {
        continue
      }
      _ = try await bench.raw.send(["DEL", .text(name)])
    }
    for _ in 0..<3 {
      try await bench.advance(.seconds(6))
      try await bench.reap()
      try await bench.run("w")
    }
    try await bench.settleAll()
    #expect(try await bench.status().isFinished)
    #expect(try await bench.census().isEmpty)
  }

  /// All are looked for in one search; what is missed after it has begun makes it begin once more. What has come since is not
  /// taken for lost.
  @Test func listsOfManyHostsAreLookedForTogether() async throws {
    let (bench, root) = try await bench()
    for start in stride(from: 3, to: 1_203, by: 100) {
      let work = (start..<start + 100).map { bench.work($0, "https://h\($0 % 60)/\($0)") }
      try await bench.emit(work, by: root, "w")
      try await bench.admit()
    }
    func takeAway(_ host: String) async throws {
      #expect(try await bench.raw.send(["DEL", .text(bench.queue.keys.ready("default", "job", host))]).int == 1)
    }
    for host in ["shop"] + (0..<60).map({ "h\($0)" }) { try await takeAway(host) }
    #expect(try await bench.claim("w").isEmpty)
    try await bench.emit((1_203..<1_205).map { bench.work($0, "https://h8/\($0)") }, by: root, "w")
    try await bench.admit()
    try await bench.reap()
    try await takeAway("h7")
    #expect(try await bench.claim("w", 61).count == 61, "each host has had a turn")

    var steps = 1
    while try await bench.queue.reap(limit: 500, term: 0, requestID: UUIDv7.make()).untilNextTick == .zero {
      steps += 1
    }
    #expect(steps <= 5, "1,205 tasks, some 500 in each of \(steps) steps")
    #expect(try await problems(bench).isEmpty)
    #expect(try await bench.status().ready == 1_205 - 61)
  }

  private func settle(_ bench: QueueBench) async throws {
    let entries = try await bench.queue.pendingEntries(olderThan: .zero, limit: 10)
    try await bench.queue.settle(entries, requestID: UUIDv7.make())
  }

  private func read(_ bench: QueueBench) async throws -> [QuarryFleet.Notification] {
    try await bench.queue.notifications(limit: 9, upTo: .milliseconds(1))
  }

  private func losses(_ bench: QueueBench) async throws -> [String] {
    try await bench.queue.events(after: "0", limit: 100).filter { $0.type == "key_replaced" && $0.jobID != nil }
      .map { "\($0.jobID ?? "") \($0.fields["count"] ?? "")" }
  }

  /// Of four runs one was told of, one waits in the stream, one is not in the ledger yet, and one is still to come.
  @Test(arguments: ["SET", "DEL"], [true, false])
  func aStreamOfNotificationsThatIsGoneIsMadeAnew(_ command: String, isReadFirst: Bool) async throws {
    let (bench, root) = try await bench()
    try await bench.complete(root, "w")
    try await settle(bench)
    try await bench.queue.acknowledge(try await read(bench))
    try await bench.run("w")
    try await settle(bench)
    try await bench.run("w")
    let stream = RedisArgument.text(bench.queue.keys.notifications)
    _ = try await bench.raw.send(RedisCommand([.text(command), stream] + (command == "SET" ? ["bent"] : [])))

    if isReadFirst { #expect(try await read(bench).isEmpty) }
    try await settle(bench)
    #expect(try await losses(bench) == ["job 1"])
    try await bench.run("w")
    try await settle(bench)
    let told = try await read(bench)
    #expect(told.count == 2)
    try await bench.queue.acknowledge(told)
    let status = try await bench.status()
    #expect(status.isFinished && status.done == 4 && status.unpublished == 0, "\(status)")
    #expect(try await losses(bench) == ["job 1"])
    #expect(try await problems(bench).isEmpty)
  }

  @Test func aJobThatWaitsForNotificationsThatAreGoneIsFinished() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    try await bench.run("w")
    try await settle(bench)
    #expect(try await !bench.status().isFinished)
    _ = try await bench.raw.send(["DEL", .text(bench.queue.keys.notifications)])
    #expect(try await read(bench).isEmpty)
    #expect(try await bench.status().isFinished)
  }

  @Test func aGroupOfPublishersThatIsGoneLosesNothing() async throws {
    let (bench, root) = try await bench()
    try await bench.complete(root, "w")
    try await settle(bench)
    _ = try await bench.raw.send(["XGROUP", "DESTROY", .text(bench.queue.keys.notifications), "publishers"])
    #expect(try await read(bench).count == 1)
    #expect(try await losses(bench).isEmpty)
    #expect(try await bench.status().unpublished == 1)
  }

  @Test func aNotificationThatIsTakenOutOfTheStreamIsNamed() async throws {
    let (bench, root) = try await bench()
    try await bench.complete(root, "w")
    try await settle(bench)
    #expect(try await problems(bench).isEmpty)
    _ = try await bench.raw.send(["XTRIM", .text(bench.queue.keys.notifications), "MAXLEN", 0])
    #expect(try await problems(bench) == ["job job counts 1 notifications to send, all jobs have 0"])
  }

  @Test func aFleetThatIsGoneWithItsNotificationsIsLost() async throws {
    let (bench, _) = try await bench()
    let keys = bench.queue.keys
    _ = try await bench.raw.send(["DEL", .text(keys.meta), .text(keys.notifications)])
    let error = await #expect(throws: QuarryError.self) { try await read(bench) }
    #expect(error?.kind == .fleet)
    #expect(try await bench.raw.send(["EXISTS", .text(keys.notifications)]).int == 0, "nothing was made")
  }

  @Test func whatIsTakenAwayIsToldAsAnEvent() async throws {
    let (bench, _) = try await bench()
    try await bend(bench, "index:job:leased")
    _ = try await bench.claim("w")
    let told = try await bench.queue.events(after: "0", limit: 100).filter { $0.type == "key_replaced" }
    #expect(told.map { $0.fields["error"]?.contains("index:job:leased held what it must not") } == [true])
  }

  @Test func aTaskThatIsNoneStopsNeitherItsJobsListsNorItsCancel() async throws {
    let (bench, root) = try await bench()
    let ready = try await bench.queue.listTasks(jobID: "job", state: .ready, limit: 10)
    for (task, command) in zip(ready, ["SET", "DEL"]) {
      let value: [RedisArgument] = command == "SET" ? ["bent"] : []
      let key = RedisArgument.text(bench.queue.keys.task(task.taskID))
      _ = try await bench.raw.send(RedisCommand([.text(command), key] + value))
    }
    #expect(try await bench.queue.listTasks(jobID: "job", limit: 10).count == 2)
    try await expectAnotherJobRuns(bench)
    _ = try await bench.queue.cancel(jobID: "job").get()
    #expect(
      try await bench.queue.fail(
        root, .release, reason: "", hosts: [], workerID: "w", requestID: "f"
      ).next == "cancelled")
    try await bench.settleAll()
    let status = try await bench.status()
    #expect(status.isFinished && status.done + status.cancelled == 4)
  }

  @Test func numbersThatAreNoneHoldUpNoOtherRun() async throws {
    let (bench, root) = try await bench()
    let claimed = try await bench.one("w")
    for task in [root, claimed] {
      _ = try await bench.raw.send(["HSET", .text(bench.queue.keys.task(task.taskID)), "attempt", "xyz"])
    }
    let ready = try await bench.queue.listTasks(jobID: "job", state: .ready, limit: 10)
    _ = try await bench.raw.send([
      "HSET", .text(bench.queue.keys.task(ready[0].taskID)), "attempt", "xyz", "epoch", "abc",
    ])
    _ = try await bench.raw.send(["HSET", .text(bench.queue.keys.job("job")), "items", "many"])
    let found = try await problems(bench)
    #expect(found.contains("task \(root.taskID) has attempt 'xyz', which is no number"), "\(found)")
    #expect(found.contains("task \(ready[0].taskID) has epoch 'abc', which is no number"), "\(found)")

    try await bench.start(claimed, "w")
    let runs = [root, claimed].map { RunCompletion(task: $0, figures: RunFigures(outcome: .success)) }
    for answer in try await bench.queue.complete(runs, workerID: "w", requestID: "c") {
      guard case .accepted = answer else {
        Issue.record("\(answer)")
        continue
      }
    }
    for _ in ready {
      let task = try await bench.one("w")
      #expect(task.attempt == 1)
      try await bench.start(task, "w")
      try await bench.complete(task, "w")
    }
    try await bench.settleAll()
    #expect(try await bench.status().isFinished)
  }

  @Test func aTaskThatLacksWhatARunNeedsIsLeftOutOfAClaim() async throws {
    let (bench, _) = try await bench()
    let ready = try await bench.queue.listTasks(jobID: "job", state: .ready, limit: 10)
    let keys = ready.map { bench.queue.keys.task($0.taskID) }
    _ = try await bench.raw.send(["HDEL", .text(keys[0]), "job"])
    _ = try await bench.raw.send(["HDEL", .text(keys[1]), "target"])
    #expect(try await problems(bench).contains("the key \(keys[0]) has no job"))
    #expect(try await bench.claim("w", 3).map(\.taskID) == [ready[2].taskID])
  }

  @Test func anEndWithoutATaskIsNamedAndOthersAreRecorded() async throws {
    let (bench, root) = try await bench()
    try await bench.complete(root, "w")
    _ = try await bench.raw.send(["ZADD", .text(bench.queue.keys.unsettled), "1", "nonsense", "1", "dead:nobody:7"])
    let entries = try await bench.queue.pendingEntries(olderThan: .zero, limit: 10)
    #expect(entries.map(\.id) == ["accepted:\(root.taskID):\(root.epoch)"])
    let found = try await problems(bench).filter { $0.contains("of which there is no task") }
    #expect(found.count == 2)
  }

  @Test func aJobWhoseKeyIsMissingIsHeldAndNamed() async throws {
    let (bench, root) = try await bench()
    _ = try await bench.raw.send(["DEL", .text(bench.queue.keys.job("job"))])
    #expect(try await bench.claim("w", 3).isEmpty)
    try await bench.complete(root, "w")
    #expect(try await bench.claim("w", 3).isEmpty)
    let told = try await bench.queue.events(after: "0", limit: 100).filter { $0.type == "job_missing" }
    #expect(!told.isEmpty && told.allSatisfy { $0.jobID == "job" })

    let found = try await problems(bench)
    #expect(
      found.contains { $0.hasPrefix("job job is missing: ") && $0.hasSuffix("--rebuild --resume job") }, "\(found)")
    #expect(try await bench.queue.jobs(limit: 10).map(\.state) == ["missing"])
    let waiting = try await bench.queue.listTasks(jobID: "job", state: .ready, limit: 10)
    #expect(waiting.count == 3)
    #expect(try await bench.gate(waiting[0].taskID) == .noJob)
    #expect(try await !bench.submit(), "it is not begun anew beside what is left of it")
    try await expectAnotherJobRuns(bench)
  }

  @Test func aTaskOfAMissingJobIsTriedAgainAndNeverDies() async throws {
    let (bench, root) = try await bench()
    _ = try await bench.raw.send(["DEL", .text(bench.queue.keys.job("job"))])
    #expect(try await bench.fail(root, .app, "w").next == "scheduled")
  }

  /// Two rebuilders in turn, as when the first dies: whatever comes in between, nothing of another job is lost.
  @Test func workOfAMissingJobLeavesTheOutboxInSteps() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    for job in ["job", "other"] { try await bench.submit(job) }
    let roots = try await bench.claim("w", 2)
    func emit(_ indices: Range<Int>, by root: TaskAssignment) async throws {
      try await bench.emit(indices.map { bench.work($0, "https://\(root.jobID)/\($0)") }, by: root, "w")
    }
    for start in stride(from: 0, to: 700, by: 100) {
      for root in roots { try await emit(start..<start + 100, by: root) }
    }
    let other = try #require(roots.first { $0.jobID == "other" })
    _ = try await bench.raw.send(["DEL", .text(bench.queue.keys.job("job"))])

    let outbox = RedisArgument.text(bench.queue.keys.outbox)
    var (steps, admitted, emitted) = (0, 0, 700)
    while try await bench.queue.restore(.clear, jobID: "job", token: steps < 1 ? "one" : "two") == .more {
      steps += 1
      admitted += try await bench.admit(50)
      try await emit(emitted..<emitted + 10, by: other)
      emitted += 10
    }
    #expect(steps >= 2, "1,400 entries, 500 at most in a step")
    let left = try await bench.raw.send(["LRANGE", outbox, 0, -1]).elements?.compactMap(\.text) ?? []
    #expect(left.allSatisfy { $0.hasPrefix("other-root ") })
    while try await bench.admit() > 0 {}
    let status = try await bench.status("other")
    #expect(status.admitted == 1 + emitted && status.outbox == 0 && admitted > 0)
    #expect(try await bench.queue.restore(.clear, jobID: "job", token: "two") == .done)
    #expect(try await bench.census().isEmpty)
  }

  @Test func eachTypeOfEventThatAScriptWritesIsKnown() {
    var written: Set<String> = []
    for script in Script.all {
      for part in script.script.source.split(separator: "event('", omittingEmptySubsequences: false).dropFirst() {
        written.insert(String(part.prefix { $0 != "'" }))
      }
    }
    #expect(written == Set(FleetEvent.types))
  }
}
