import QuarryCore
import QuarryWire
import Testing

@Suite struct FrameTests {
  @Test func anEventKeepsWhatItDoesNotKnow() throws {
    try with(
      .object([
        "contract_version": "0.1.0", "event_id": "e", "run_id": "r", "seq": .integer(4), "type": "seen",
        "ts": "t", "payload": .object([:]), "attempt": .double(2), "job_id": .null, "depth": .integer(3), "x": "y",
      ])
    ) { frame in
      guard case .event(let event) = frame else { throw Unexpected() }
      #expect(event.type == .other("seen"))
      #expect(event.seq == 4)
      #expect(event.attempt == 2)
      #expect(event.depth == 3)
      #expect(event.jobID == nil)
      #expect(event.extras.map(\.key.string) == ["x"])
    }
  }

  @Test func anotherVersionIsSaidBeforeAnythingElse() {
    #expect { try with(.object(["type": "item", "contract_version": "9.9.9"])) { _ in } } throws: {
      ($0 as? WireError)?.code == .otherVersion
    }
  }

  @Test(arguments: ["contract_version", "event_id", "run_id", "seq", "ts", "payload", "attempt", "type"])
  func aMissingOrWrongFieldIsUndecodable(name: String) {
    guard case .map(let pairs) = MessagePackValue.event(payload: .null) else { return }
    let others = pairs.filter { $0.key != .string(name) }
    for value in [nil, .binary([1])] as [MessagePackValue?] {
      let pair = value.map { [MessagePackValue.Pair(.string(name), $0)] } ?? []
      #expect { try with(.map(others + pair)) { _ in } } throws: { ($0 as? WireError)?.code == .undecodable }
    }
  }

  @Test func chunksAndFilesHoldAtMostEightMebibytes() throws {
    func chunk(_ size: Int) -> MessagePackValue {
      .object([
        "type": "artifact_chunk", "artifact_id": "a", "seq": .integer(1), "is_last": .bool(true),
        "data": .binary([UInt8](repeating: 0, count: size)),
      ])
    }
    try with(chunk(Frame.maximumDataLength)) { _ in }
    #expect { try with(chunk(Frame.maximumDataLength + 1)) { _ in } } throws: {
      ($0 as? WireError)?.code == .oversized
    }
  }

  @Test func aRunResultNeverHoldsAPassword() throws {
    let proxy = MessagePackValue.object([
      "protocol": "http", "host": "h", "port": .integer(1), "username": "u", "password": "secret",
    ])
    try with(.object(["type": "run_result", "outcome": .object(["status": "completed"]), "proxy_used": proxy])) {
      frame in
      guard case .runResult(let result) = frame else { throw Unexpected() }
      #expect(result.proxyUsed?.host == "h")
      #expect(!String(reflecting: result).contains("secret"))
    }
  }

  @Test func acksAreFrames() throws {
    #expect(FileWriteAck.frame(writeID: 7)[..<4] == [0, 0, 0, 35])
    let payload = Array(FileWriteAck.frame(writeID: .max, error: "no").dropFirst(4))
    #expect(
      try MessagePackValue(decoding: payload)
        == .object([
          "type": "file_write_ack", "write_id": .integer(Int64(UInt32.max)), "ok": .bool(false), "error": "no",
        ]))
  }

  private struct Unexpected: Error {}

  private func with(_ value: MessagePackValue, _ body: (Frame) throws -> Void) throws {
    try value.encoded.withUnsafeBytes { try body(try Frame($0)) }
  }
}
