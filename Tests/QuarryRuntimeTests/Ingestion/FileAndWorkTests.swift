import QuarryCore
import QuarryRuntime
import QuarryWire
import Synchronization
import Testing

@Suite struct FileWriteTests {
  private func acks(_ stream: ExecutorStream) throws -> [MessagePackValue] {
    var rest = stream.ingestion.takeAcks()[...]
    var acks: [MessagePackValue] = []
    while !rest.isEmpty {
      let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      let payload = Array(rest.dropFirst(4).prefix(length))
      acks.append(try payload.withUnsafeBytes { try MessagePackValue($0) })
      rest = rest.dropFirst(4 + length)
    }
    return acks
  }

  private func ack(_ id: Int64, error: String? = nil) -> MessagePackValue {
    let pairs = error.map { [MessagePackValue.Pair("error", .string($0))] } ?? []
    guard
      case .map(let members) = MessagePackValue.object([
        "type": "file_write_ack", "write_id": .integer(id), "ok": .bool(error == nil),
      ])
    else { return .null }
    return .map(members + pairs)
  }

  @Test func storedFilesAreAcknowledgedUnlessNobodyWaits() throws {
    let stream = try ExecutorStream()
    try stream.send(ExecutorStream.file("a b.txt", id: 1, [1, 2]), ExecutorStream.file("b", id: 0, []))
    #expect(try acks(stream) == [ack(1)])
    #expect(stream.ingestion.takeAcks().isEmpty)
    #expect(stream.sink.files == ["a b.txt": [1, 2], "b": []])
    #expect(stream.ingestion.figures.writesSucceeded == 2)
  }

  @Test func aRefusedFileLetsTheRunGoOn() throws {
    let stream = try ExecutorStream()
    try stream.send(ExecutorStream.file("a", id: 1, [1]), ExecutorStream.file("a", id: 2, [2]), stream.event())
    #expect(try acks(stream) == [ack(1), ack(2, error: "the file 'a' is there already")])
    #expect(stream.sink.files == ["a": [1]])
    #expect(stream.ingestion.figures.writesFailed == 1)
    #expect(stream.ingestion.figures.eventsPersisted == 1)
  }

  @Test func afterTheTerminalEventNothingIsStored() throws {
    let stream = try ExecutorStream()
    try stream.send(stream.event("run_complete", .object([:])), ExecutorStream.file("late", id: 3))
    #expect(try acks(stream) == [ack(3, error: "run already terminated")])
    #expect(stream.sink.files.isEmpty)
  }
}

@Suite struct DerivedWorkTests {
  private final class Collected: DerivedWorkSink {
    private let collected = Mutex<[DerivedWork]>([])
    let refusal: QuarryError?

    init(refusal: QuarryError? = nil) { self.refusal = refusal }

    var works: [DerivedWork] { collected.withLock { $0 } }

    func accept(_ work: DerivedWork) throws(QuarryError) {
      if let refusal { throw refusal }
      collected.withLock { $0.append(work) }
    }
  }

  @Test func enqueueReachesTheSinkWhole() throws {
    let derived = Collected()
    let stream = try ExecutorStream(derived: derived)
    let options = MessagePackValue.object([
      "lane": "high", "delay_ms": .integer(5), "timeout_ms": .double(60_000), "dedup_key": "k", "host": "h",
    ])
    try stream.send(
      stream.event(
        "enqueue",
        .object(["target": "a.ts", "params": .object(["n": .unsigned(.max)]), "source": "x", "options": options])),
      stream.event("enqueue", .object(["target": "b.ts", "params": .object([:]), "category": "y"])))
    #expect(
      derived.works == [
        DerivedWork(
          index: 0, target: "a.ts", params: #"{"n":18446744073709551615}"#, source: "x",
          options: .init(lane: "high", delayMilliseconds: 5, timeoutMilliseconds: 60_000, dedupKey: "k", host: "h")),
        DerivedWork(index: 1, target: "b.ts", params: "{}", category: "y"),
      ])
    #expect(try stream.sink.records().count == 2)
  }

  @Test func anEnqueueThatNamesNoWorkIsStoredNotedAndCounted() throws {
    let derived = Collected()
    let stream = try ExecutorStream(derived: derived)
    try stream.send(
      stream.event("enqueue", .object(["target": ""])), stream.event("enqueue", .object(["target": .integer(1)])))
    #expect(derived.works.isEmpty)
    #expect(stream.notes.count == 2)
    #expect(stream.ingestion.figures.enqueuesRejected == 2)
    #expect(try stream.sink.records().count == 2)
  }

  private func enqueue(_ stream: ExecutorStream, _ options: KeyValuePairs<String, MessagePackValue>) throws {
    let map = MessagePackValue.map(options.map { MessagePackValue.Pair(.string($0.key), $0.value) })
    try stream.send(
      stream.event("enqueue", .object(["target": "a.ts", "params": .object([:]), "options": map])))
  }

  @Test func millisecondsAreRounded() throws {
    let derived = Collected()
    let stream = try ExecutorStream(derived: derived)
    try enqueue(stream, ["delay_ms": .double(1.5), "timeout_ms": .double(0.5)])
    try enqueue(stream, ["delay_ms": .double(-0.4), "timeout_ms": .integer(31_536_000_000)])
    #expect(derived.works.map(\.options.delayMilliseconds) == [2, 0])
    #expect(derived.works.map(\.options.timeoutMilliseconds) == [1, 31_536_000_000])
  }

  @Test func millisecondsOutOfRangeDeriveNothing() throws {
    let derived = Collected()
    let stream = try ExecutorStream(derived: derived)
    for delay: MessagePackValue in [
      .integer(-1), .integer(31_536_000_001), .unsigned(.max), .double(1e300), .double(-0.6), "5",
    ] { try enqueue(stream, ["delay_ms": delay]) }
    try enqueue(stream, ["timeout_ms": .integer(0)])
    try enqueue(stream, ["timeout_ms": .integer(253_402_300_800_000)])
    #expect(derived.works.isEmpty)
    #expect(stream.ingestion.figures.enqueuesRejected == 8)
    #expect(stream.notes.last?.contains("'timeout_ms' is not between 1 and 31536000000") == true, "\(stream.notes)")
  }

  @Test func aRefusalEndsTheRunBeforeThePolicySeesTheEvent() throws {
    let stream = try ExecutorStream(derived: Collected(refusal: QuarryError(.fleet, "the lease is lost")))
    let failure = stream.failure { try stream.send(stream.event("enqueue", .object(["target": "a.ts"]))) }
    #expect(failure?.kind == .derivedWork)
    #expect(failure?.message == "the lease is lost")
    stream.ingestion.abandon()
    #expect(stream.sink.attempts == 0)
  }
}
