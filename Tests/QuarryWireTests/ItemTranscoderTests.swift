import QuarryCore
import QuarryWire
import Testing

/// The short way of items against the general one: what it takes, it writes as the general one does.
@Suite final class ItemTranscoderTests {
  private static let run = RunIdentity(runID: "r")

  @Test func anItemOfTheEmitterIsTaken() throws {
    let data = MessagePackValue.object([
      "sku": "Q1", "name": "Quiet Heron Lamp", "said": "\"ř\"\n", "price": .double(9.5), "cents": .integer(70_000),
      "tags": .array(["a", "b", .array([]), .object([:])]), "sold": .bool(false), "stock": .null,
      "a key of seventeen": "",
      "twenty": .array(Array(repeating: .integer(-1), count: 20)),
      "long": .string(String(repeating: "long \"text\" ", count: 300)),
    ])
    for run in [
      Self.run, RunIdentity(runID: "r", jobID: "j", parentRunID: "\"p\"ř"), RunIdentity(runID: "r", depth: 300),
      RunIdentity(runID: String(repeating: "r", count: 300), attempt: 2, jobID: "j", parentRunID: "p", depth: 1),
    ] {
      let frame = Self.frame(data: data, of: run)
      let item = try #require(try taken(frame, of: run))
      #expect(item == (try general(frame)))
      #expect(item.end.contains(#""said":"\"ř\"\n","price":9.5,"cents":70000"#))
    }
  }

  @Test(arguments: 0..<300 as Range<UInt64>)
  func anyPayloadIsWrittenAsTheGeneralWayWritesIt(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let data = MessagePackValue.random(using: &generator)
    let frame = Self.frame(data: data)
    let item = try taken(frame)
    let expected = try? general(frame)
    // Long ones and binaries may be left to the general way, and what that one refuses is.
    #expect(item == expected || (item == nil && (frame.count > 4096 || data.holdsBinary)))
  }

  @Test func nothingElseIsTaken() throws {
    guard case .map(let members) = Self.item(data: .object([:])) else { return }
    for index in members.indices {
      var others = members
      others.remove(at: index)
      #expect(try taken(MessagePackValue.map(others).encoded) == nil)
      others.append(members[index])
      if index < members.count - 1 { #expect(try taken(MessagePackValue.map(others).encoded) == nil) }
      others = members
      others[index].value = .array([])
      #expect(try taken(MessagePackValue.map(others).encoded) == nil)
    }
    #expect(try taken(MessagePackValue.map(members + [.init("x", "y")]).encoded) == nil)
    #expect(try taken(Self.frame(type: "log")) == nil)
    #expect(try taken(Self.frame(version: "9.9.9")) == nil)
    #expect(try taken(Self.frame() + [0xC0]) == nil)
    for other in [
      RunIdentity(runID: "s"), RunIdentity(runID: "r", attempt: 2), RunIdentity(runID: "r", jobID: "j"),
      RunIdentity(runID: "r", parentRunID: "p"), RunIdentity(runID: "r", depth: 1),
    ] {
      #expect(try taken(Self.frame(of: other)) == nil)
      #expect(try taken(Self.frame(), of: other) == nil)
    }
    let long = MessagePackValue.string(String(repeating: "x", count: ItemTranscoder.longestFrame))
    #expect(try taken(Self.frame(data: long)) == nil)
  }

  @Test func aFrameCutAnywhereIsNotTaken() throws {
    let frame = Self.frame(data: .object(["sku": "Q1", "n": .integer(70_000), "tags": .array(["a", .double(1.5)])]))
    for count in 0..<frame.count { #expect(try taken(Array(frame[..<count])) == nil) }
  }

  /// Each round changes bytes of a real frame; the frame lies at the end of what may be read.
  @Test func aDamagedFrameIsTakenAsTheGeneralWayTakesIt() throws {
    var generator = SeededGenerator(seed: 3)
    let frames = (0..<50).map { _ in Self.frame(data: .random(using: &generator)) }
    for round in 0..<10_000 {
      var frame = frames[round % frames.count]
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let index = Int.random(in: 0..<min(frame.count, 400), using: &generator)
        frame[index] = UInt8(truncatingIfNeeded: generator.next())
      }
      if let item = try taken(frame) { #expect(item == (try general(frame)), "round \(round)") }
    }
  }

  @Test func nestingIsBoundedAlike() throws {
    for depth in [1, 5, 12, 13, 14, 300, 486, 487, 488, 489, 497, 498, 499, 500, 501] {
      for open in [[0x91], [0x81, 0xA1, 0x6B]] as [[UInt8]] {
        let data = Array(repeating: open, count: depth).flatMap { $0 }
        for last in [[0x01], [0xA1, 0x61], [0x90], [0xC0]] as [[UInt8]] {
          let frame = Self.frame(rawData: data + last)
          #expect(try taken(frame) == (try? general(frame)), "depth \(depth)")
        }
      }
    }
  }

  /// The writer against the end of its memory, wherever in the text that comes.
  @Test func textThatDoesNotFitIsRefusedAtTheLastByte() throws {
    for seed in 0..<15 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let value = MessagePackValue.array((0..<6).map { _ in .random(using: &generator, depth: 2) })
      guard !value.holdsBinary, let text = try? json(value.encoded), text.utf8.count < 1_500 else { continue }
      for size in 1..<text.utf8.count + 200 {
        let written = try fill(size, with: value.encoded)
        #expect(written == text || (written == nil && size < text.utf8.count + 100), "seed \(seed), size \(size)")
      }
    }
  }

  // MARK: Parts

  private struct Taken: Equatable {
    var seq: Int64
    var end: String
  }

  private func taken(_ frame: [UInt8], of run: RunIdentity = run) throws -> Taken? {
    let transcoder = ItemTranscoder(run)
    let memory = try GuardedBytes(frame)
    guard let item = transcoder.item(in: UnsafeRawBufferPointer(memory.bytes)) else { return nil }
    return Taken(seq: item.seq, end: String(decoding: item.end, as: UTF8.self))
  }

  private func general(_ frame: [UInt8]) throws -> Taken {
    struct NoEvent: Error {}
    let memory = try GuardedBytes(frame)
    guard case .event(let event) = try Frame(UnsafeRawBufferPointer(memory.bytes)) else { throw NoEvent() }
    var out: [UInt8] = []
    try JSONWriter.append(to: &out) { writer throws(WireError) in try writer.members(of: event) }
    return Taken(seq: event.seq, end: String(decoding: out + RecordBatch.closing, as: UTF8.self))
  }

  private func fill(_ size: Int, with messagePack: [UInt8]) throws -> String? {
    let memory = try GuardedBytes(count: size)
    var block = TextBlock(memory.bytes)
    do {
      try messagePack.withUnsafeBytes { bytes in
        try JSONWriter.fill(&block) { writer throws(WireError) in try writer.value(bytes) }
      }
    } catch {
      #expect((error as? WireError)?.code == .tooLong)
      return nil
    }
    return String(decoding: block.written, as: UTF8.self)
  }

  private static func frame(
    type: String = "item", version: String = Version.current, data: MessagePackValue = .object([:]),
    of run: RunIdentity = run
  ) -> [UInt8] {
    item(type: type, version: version, data: data, of: run).encoded
  }

  /// The keys as the emitter orders them.
  private static func item(
    type: String = "item", version: String = Version.current, data: MessagePackValue, of run: RunIdentity = run
  ) -> MessagePackValue {
    let lineage: [(MessagePackValue, MessagePackValue?)] = [
      ("job_id", run.jobID.map { .string($0) }), ("parent_run_id", run.parentRunID.map { .string($0) }),
      ("depth", run.depth.map { .integer(Int64($0)) }),
    ]
    let present = lineage.compactMap { key, value in value.map { MessagePackValue.Pair(key, $0) } }
    guard
      case .map(let first) = MessagePackValue.object([
        "contract_version": .string(version), "event_id": "01981c2e-7a00-7000-8000-000000000001",
        "run_id": .string(run.runID),
        "seq": .integer(70_000), "type": .string(type), "ts": "2026-11-24T08:00:00.000Z",
        "attempt": .integer(Int64(run.attempt)),
      ])
    else { return .null }
    return .map(first + present + [.init("payload", .object(["item_type": "t", "data": data]))])
  }

  private static func frame(rawData: [UInt8]) -> [UInt8] { frame(data: .null).dropLast() + rawData }
}

extension MessagePackValue {
  fileprivate var holdsBinary: Bool {
    switch self {
    case .binary: true
    case .array(let elements): elements.contains(where: \.holdsBinary)
    case .map(let pairs): pairs.contains { $0.value.holdsBinary }
    default: false
    }
  }
}
