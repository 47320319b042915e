import QuarryCore
import QuarryPublish
import RedisClient
import Synchronization
import TestSupport
import Testing

/// The event sinks of a run over a real Redis that is up, full, paused, away and back again.
@Suite struct StreamTests {
  private let server: RedisServer
  private let redis: RedisConnection
  private let warnings = Texts()
  private let storage = StoringSink()

  init() async throws {
    server = try RedisServer.start()
    redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
  }

  private func options(_ delivery: SinkDelivery, timeout: Duration = .seconds(30)) throws -> StreamOptions {
    var options = StreamOptions(endpoint: try RedisEndpoint(url: server.url))
    options.delivery = delivery
    options.timeout = timeout
    return options
  }

  private func sinks(
    _ publisher: StreamPublisher?, takesEvents: Bool = true, lode: SinkDelivery = .mandatory
  ) -> RunSinks {
    let warnings = warnings
    return RunSinks(
      lode: storage,
      storage: .init(
        takesEvents: takesEvents, delivery: lode, breaker: CircuitBreaker(threshold: 3, pause: .seconds(5))),
      stream: publisher.map { StreamSink($0, warn: { warnings.add($0) }) }, warn: { warnings.add($0) })
  }

  private func batch(_ seqs: ClosedRange<Int64>, task: TaskLineage? = nil) throws -> RecordBatch {
    let partition = try RunPartition(dataset: "d", source: "s\"", category: "ü", day: "2026-11-25", runID: "r-1")
    var batch = RecordBatch(partition: partition, policy: "strict", task: task)
    for seq in seqs {
      batch.append(.event, eventType: seq.isMultiple(of: 2) ? "item" : "log") { out in
        JSONText.appendMember("event_id", "e-\(seq)", to: &out)
        JSONText.appendMember("seq", seq, to: &out)
        JSONText.appendMember("ts", "2026-11-25T00:00:00.00\(seq % 10)Z", to: &out)
        JSONText.appendMember("type", "item", to: &out)
        JSONText.appendKey("payload", to: &out)
        out += #"{"n":\#(seq),"text":"\"a\\b"}"#.utf8
        JSONText.appendMember("job_id", "j\"1", to: &out)
        JSONText.appendMember("attempt", 2, to: &out)
      }
    }
    return batch
  }

  /// Sinks block, so they are called as runs call them: from a thread of their own.
  private func write(_ batch: RecordBatch, to sinks: RunSinks) async -> QuarryError? {
    await OwnThread.run { () -> QuarryError? in
      do throws(QuarryError) { try sinks.write(batch) } catch { return error }
      return nil
    }
  }

  private func entries(_ key: String = "quarry:events") async throws -> [[String: String]] {
    let reply = try await redis.send(["XRANGE", .text(key), "-", "+"])
    return (reply.elements ?? []).map { ($0[1]?.fields ?? [:]).compactMapValues(\.text) }
  }

  @Test(arguments: SinkDelivery.allCases)
  func eventsComeInTheOrderOfTheirEmission(_ delivery: SinkDelivery) async throws {
    let sinks = sinks(StreamPublisher(try options(delivery)))
    var batch = try batch(1...40, task: TaskLineage(taskID: "t-1", epoch: 1_795_000_000_000, originRunID: "o"))
    batch.append(.artifactChunk, eventType: "artifact") { JSONText.appendMember("data", "AAAA", to: &$0) }
    batch.append(.artifactEvent, eventType: "artifact") { out in
      JSONText.appendMember("event_id", "e-41", to: &out)
      JSONText.appendMember("seq", 41, to: &out)
      JSONText.appendMember("ts", "2026-11-25T00:00:01.000Z", to: &out)
      JSONText.appendMember("artifact_id", "a", to: &out)
      JSONText.appendMember("size_bytes", 3, to: &out)
      JSONText.appendMember("name", "x\"y", to: &out)
      JSONText.appendMember("attempt", 1, to: &out)
    }
    #expect(await write(batch, to: sinks) == nil)
    var metrics = RecordBatch(partition: batch.partition, policy: "strict")
    metrics.append(.metrics, eventType: "metrics") { _ in }
    #expect(await write(metrics, to: sinks) == nil)

    let entries = try await entries()
    #expect(entries.map { $0["seq"] } == (1...41).map { "\($0)" })
    #expect(
      entries[1] == [
        "run_id": "r-1", "event_type": "item", "seq": "2", "timestamp": "2026-11-25T00:00:00.002Z", "source": "s\"",
        "category": "ü", "payload": #"{"n":2,"text":"\"a\\b"}"#, "event_id": "e-2", "attempt": "2", "job_id": "j\"1",
        "task_id": "t-1", "epoch": "1795000000000",
      ])
    let artifact = try #require(entries.last)
    #expect(artifact["event_type"] == "artifact")
    #expect(artifact["payload"] == #"{"artifact_id":"a","size_bytes":3,"name":"x\"y"}"#)
    #expect(artifact["job_id"] == nil)
    #expect(storage.batches.map(\.recordCount) == [42, 1])
    let figures = sinks.figures
    #expect(figures.map(\.name) == ["lode", "redis"])
    #expect(figures.map(\.eventsWritten) == [41, 41])
    #expect(figures.map(\.eventsLost) == [0, 0])
    #expect(figures[1].writesSucceeded == 1)
    #expect(warnings.all.isEmpty)
  }

  @Test func manyEntriesTakeFewTrips() async throws {
    let sinks = sinks(StreamPublisher(try options(.mandatory)))
    let before = try await readsSeen()
    #expect(await write(try batch(1...5_000), to: sinks) == nil)
    #expect(try await redis.send(["XLEN", "quarry:events"]).int == 5_000)
    #expect(try await readsSeen() - before < 1_000)
  }

  /// How often the server has read from a client.
  private func readsSeen() async throws -> Int64 {
    let info = try await redis.send(["INFO", "stats"]).text ?? ""
    let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_reads_processed:") }
    return try #require(line?.split(separator: ":").last.flatMap { Int64($0) })
  }

  @Test func lengthAndLifeOfTheStreamAreBounded() async throws {
    var options = try options(.mandatory)
    options.key = "short"
    options.maximumLength = 100
    #expect(await write(try batch(1...2_000), to: sinks(StreamPublisher(options))) == nil)
    #expect(try #require(try await redis.send(["XLEN", "short"]).int) < 400)
    let left = try #require(try await redis.send(["PTTL", "short"]).int)
    #expect(left > 23 * 3_600_000 && left <= 24 * 3_600_000)
    options.key = "endless"
    options.maximumLength = nil
    options.ttl = nil
    #expect(await write(try batch(1...2_000), to: sinks(StreamPublisher(options))) == nil)
    #expect(try await redis.send(["XLEN", "endless"]).int == 2_000)
    #expect(try await redis.send(["PTTL", "endless"]).int == -1)
  }

  @Test func theStreamAloneLeavesArtifactsAndMetricsToStorage() async throws {
    let sinks = sinks(StreamPublisher(try options(.mandatory)), takesEvents: false)
    var batch = try batch(1...3)
    batch.append(.artifactChunk, eventType: "artifact") { JSONText.appendMember("data", "AAAA", to: &$0) }
    #expect(await write(batch, to: sinks) == nil)
    #expect(await write(try self.batch(4...5), to: sinks) == nil)
    #expect(storage.batches.map { $0.groups.map(\.eventType) } == [["artifact"]])
    #expect(try await entries().count == 5)
  }

  @Test func whatStorageRefusesIsInAMandatoryStreamOnce() async throws {
    let sinks = sinks(StreamPublisher(try options(.mandatory)))
    storage.refuse(true)
    #expect(await write(try batch(1...3), to: sinks)?.kind == .storage)
    storage.refuse(false)
    #expect(await write(try batch(1...5), to: sinks) == nil)
    #expect(try await entries().map { $0["event_id"] } == (1...5).map { "e-\($0)" })
    #expect(storage.batches.map(\.recordCount) == [5])
    #expect(sinks.figures.map(\.writesFailed) == [1, 0])
  }

  @Test func aMandatoryStreamThatIsAwayRefusesTheBatchAndStorageHasItOnce() async throws {
    let pauses = Texts()
    let publisher = StreamPublisher(
      try options(.mandatory, timeout: .milliseconds(100)), sleep: { pauses.add("\($0)") })
    let sinks = sinks(publisher)
    server.kill()
    let error = await write(try batch(1...3), to: sinks)
    #expect(error?.kind == .redis)
    #expect(error?.message.contains("stream quarry:events") == true)
    #expect(pauses.all == ["0.1 seconds", "0.2 seconds"])
    #expect(storage.batches.map(\.recordCount) == [3])
    #expect(sinks.figures.map(\.eventsWritten) == [3, 0])
    var longer = try batch(1...5)
    longer.append(.artifactEvent, eventType: "artifact") { JSONText.appendMember("seq", 6, to: &$0) }
    storage.refuse(true)
    #expect(await write(longer, to: sinks)?.kind == .storage)
    storage.refuse(false)
    try server.restart()
    while await write(longer, to: sinks) != nil {}
    #expect(storage.batches.map(\.recordCount) == [3, 3])
    #expect(storage.batches.map(\.eventCount) == [3, 3])
    #expect(try await entries().map { $0["seq"] } == (1...6).map { "\($0)" })
    #expect(await write(try batch(7...8), to: sinks) == nil)
    #expect(storage.batches.map(\.recordCount) == [3, 3, 2])
    #expect(sinks.figures.first?.artifactsWritten == 1)
  }

  /// Without an end of the waiting this takes as long as the time limit of a try: ten minutes.
  @Test(.timeLimit(.minutes(2)), arguments: SinkDelivery.allCases)
  func whoWaitsForAPausedServerIsLetGoWhenTheProcessEnds(_ delivery: SinkDelivery) async throws {
    let sinks = sinks(StreamPublisher(try options(delivery, timeout: .seconds(600))))
    #expect(await write(try batch(1...1), to: sinks) == nil)
    server.pause()
    let next = try batch(2...3)
    async let error = write(next, to: sinks)
    sinks.endWaiting(within: .milliseconds(100))
    let ended = await error
    #expect((ended?.kind == .redis) == (delivery == .mandatory))
    #expect(ended?.message.contains("when the run was stopped") != false)
    #expect(storage.batches.map(\.recordCount) == [1, 2])
    server.resume()
  }

  /// What the circuit breaker is for: one failure is paid for, the others are not.
  @Test(arguments: [true, false])
  func aBestEffortStreamThatIsAwayCostsOneTry(_ isPaused: Bool) async throws {
    let time = Mutex(ContinuousClock.now)
    let publisher = StreamPublisher(
      try options(.bestEffort, timeout: isPaused ? .milliseconds(200) : .seconds(600)),
      breaker: CircuitBreaker(threshold: 3, pause: .seconds(5), now: { time.withLock { $0 } }), sleep: { _ in })
    let sinks = sinks(publisher)
    if isPaused { server.pause() } else { server.kill() }
    for seq in stride(from: Int64(1), through: 100, by: 2) {
      #expect(await write(try batch(seq...seq + 1), to: sinks) == nil)
    }
    let figures = try #require(sinks.figures.last)
    #expect(figures.eventsLost == 100 && figures.eventsWritten == 0)
    #expect(figures.writesFailed == 1 && figures.writesSkipped == 49 && figures.writesRetried == 0)
    #expect(warnings.all.count == 1)
    #expect(storage.batches.count == 50)

    if isPaused { server.resume() } else { try server.restart() }
    var seq: Int64 = 101
    repeat {
      time.withLock { $0 += .seconds(61) }
      #expect(await write(try batch(seq...seq), to: sinks) == nil)
      seq += 1
    } while sinks.figures.last?.eventsWritten == 0
    #expect(try await redis.send(["XLEN", "quarry:events"], timeout: .seconds(30)).int ?? 0 > 0)
    #expect(warnings.all.count == 1)
  }

  @Test func aFullRedisIsTriedAgainAndThenLosesEvents() async throws {
    _ = try await redis.send(["CONFIG", "SET", "maxmemory", "1"])
    let sinks = sinks(StreamPublisher(try options(.bestEffort), sleep: { _ in }))
    #expect(await write(try batch(1...3), to: sinks) == nil)
    let figures = try #require(sinks.figures.last)
    #expect(figures.writesRetried == 2 && figures.writesFailed == 1 && figures.eventsLost == 3)
    #expect(warnings.all.first?.contains("OOM") == true)
    _ = try await redis.send(["CONFIG", "SET", "maxmemory", "0"])
    #expect(await write(try batch(4...4), to: sinks) == nil)
    #expect(try await entries().map { $0["seq"] } == ["4"])
  }

  @Test func aKeyOfAnotherTypeIsNotTriedAgain() async throws {
    _ = try await redis.send(["SET", "quarry:events", "x"])
    let sinks = sinks(StreamPublisher(try options(.mandatory), sleep: { _ in }))
    #expect(await write(try batch(1...3), to: sinks)?.message.contains("WRONGTYPE") == true)
    #expect(sinks.figures.last?.writesRetried == 0)
  }

  @Test func bestEffortStorageMayRefuse() async throws {
    let sinks = sinks(StreamPublisher(try options(.mandatory)), lode: .bestEffort)
    storage.refuse(true)
    for seq in 1...5 { #expect(await write(try batch(Int64(seq)...Int64(seq)), to: sinks) == nil) }
    #expect(try await entries().count == 5)
    let figures = try #require(sinks.figures.first)
    #expect(figures.eventsLost == 5 && figures.writesFailed == 3 && figures.writesSkipped == 2)
    #expect(warnings.all.count == 1)
  }

  /// Were the chunks given up with the events around them, their commit could be stored later without them.
  @Test func bestEffortStorageLosesNoPartOfAnArtifact() async throws {
    let sinks = sinks(nil, lode: .bestEffort)
    var mixed = try batch(1...2)
    mixed.append(.artifactChunk, eventType: "artifact") { JSONText.appendMember("artifact_id", "a", to: &$0) }
    storage.refuse(true)
    #expect(await write(mixed, to: sinks)?.message == "the disk is full")
    storage.refuse(false)
    #expect(await write(mixed, to: sinks) == nil)
    #expect(storage.batches.map { $0.groups.map(\.eventType).sorted() } == [["artifact"], ["item", "log"]])
  }

  /// Redis is stopped after the connection is there: it reads what was sent when it goes on, long after the time-out.
  @Test func whatTimedOutMayBeInTheStreamAndIsSaidToBeSuperseded() async throws {
    let publisher = StreamPublisher(try options(.bestEffort, timeout: .milliseconds(300)), sleep: { _ in })
    let before = sinks(publisher)
    while before.figures.last?.eventsWritten == 0 { #expect(await write(try batch(1...1), to: before) == nil) }
    _ = try await redis.send(["DEL", "quarry:events"])
    let after = sinks(publisher)
    server.pause()
    #expect(await write(try batch(1...2), to: after) == nil)
    let figures = try #require(after.figures.last)
    #expect(figures.eventsWritten == 0 && figures.eventsLost == 2 && figures.mayHaveMore)
    server.resume()
    let partition = try batch(1...1).partition
    var failure: String?
    repeat {
      failure = await OwnThread.run { [task] in publisher.supersede(task, partition: partition, reason: "storage") }
    } while failure != nil
    #expect(Set(try await entries().map { $0["event_type"] }) == ["log", "item", "run_superseded"])
    #expect(try await entries().prefix(2).map { $0["seq"] } == ["1", "2"])
  }

  /// A connection that was never there has carried nothing.
  @Test func whatWasNotSentIsNotInTheStream() async throws {
    server.kill()
    let sinks = sinks(StreamPublisher(try options(.bestEffort), sleep: { _ in }))
    #expect(await write(try batch(1...2), to: sinks) == nil)
    #expect(sinks.figures.last?.mayHaveMore == false)
  }

  private let task = TaskAssignment(
    taskID: "t-1", jobID: "j-1", runID: "r-1", epoch: 7, attempt: 2, depth: 0, target: "a.ts", params: "{}",
    source: "s", category: "c", policy: "strict")

  /// A worker that is stopped gives its runs back after it has let them go.
  @Test func aSupersededRunIsSaidToBeSoAlsoWhenTheProcessEnds() async throws {
    let publisher = StreamPublisher(try options(.mandatory))
    let sinks = sinks(publisher)
    sinks.endWaiting(within: .zero)
    var seq: Int64 = 1
    while await write(try batch(seq...seq), to: sinks) == nil { seq += 1 }
    let partition = try batch(1...1).partition
    let failure = await OwnThread.run { [task] in publisher.supersede(task, partition: partition, reason: "released") }
    #expect(failure == nil)
    #expect(try await entries().last?["event_type"] == "run_superseded")
  }

  @Test func aSupersededRunIsSaidToBeSo() async throws {
    let publisher = StreamPublisher(try options(.bestEffort))
    let partition = try batch(1...1).partition
    let failure = await OwnThread.run { [task] in
      publisher.supersede(task, partition: partition, reason: "its lease is lost")
    }
    #expect(failure == nil)
    let entry = try #require(try await entries().first)
    #expect(entry["event_type"] == "run_superseded")
    #expect(entry["run_id"] == "r-1" && entry["task_id"] == "t-1" && entry["epoch"] == "7" && entry["job_id"] == "j-1")
    #expect(entry["payload"] == #"{"reason":"its lease is lost"}"#)
  }
}

/// Storage in memory that refuses when it is told to.
private final class StoringSink: EventSink {
  private let state = Mutex<(batches: [RecordBatch], refuses: Bool)>(([], false))

  var batches: [RecordBatch] { state.withLock { $0.batches } }
  func refuse(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }

  func write(_ batch: RecordBatch) throws(QuarryError) {
    let isRefused = state.withLock { state in
      if !state.refuses { state.batches.append(batch) }
      return state.refuses
    }
    if isRefused { throw QuarryError(.storage, "the disk is full") }
  }

  func putFile(name: String, contentType: String, data: UnsafeRawBufferPointer) throws(QuarryError) {}
}
