import QuarryCore
import QuarryRuntime
import QuarryWire
import Testing

/// What an executor must not send: each ends the run, keeps what was valid before it, and goes no further.
@Suite struct BadStreamTests {
  private func expect(
    _ kind: IngestionFailure.Kind, _ words: String, isUndecodable: Bool = false, attempt: Int = 1,
    _ bad: (ExecutorStream) -> [UInt8]
  ) throws {
    let stream = try ExecutorStream(attempt: attempt)
    if attempt == 1 { try stream.send(stream.event()) }
    let bytes = bad(stream)
    let failure = stream.failure {
      try stream.send(bytes: bytes)
      try stream.ingestion.endOfStream()
    }
    #expect(failure?.kind == kind)
    #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "no failure")")
    #expect(stream.ingestion.figures.decodeErrors == (isUndecodable ? 1 : 0))
    let again = stream.failure { try stream.send(stream.event()) }
    #expect(again == failure)
    try stream.ingestion.finish()
    #expect(try stream.sink.records().count == (attempt == 1 ? 1 : 0))
  }

  @Test func rubbish() throws {
    try expect(.stream, "above the limit", isUndecodable: true) { _ in Array("Hello, world\n".utf8) }
    try expect(.stream, "0xc1", isUndecodable: true) { _ in [0, 0, 0, 1, 0xC1] }
    try expect(.stream, "not a MessagePack map", isUndecodable: true) { _ in [0, 0, 0, 1, 0x01] }
    try expect(.stream, "empty", isUndecodable: true) { _ in [0, 0, 0, 0] }
  }

  @Test func truncated() throws {
    try expect(.stream, "inside a frame", isUndecodable: true) { Array($0.event().frame.dropLast()) }
    try expect(.stream, "inside a frame", isUndecodable: true) { _ in [0, 0] }
  }

  @Test func truncatedAfterTheTerminalEventIsNormal() throws {
    let stream = try ExecutorStream()
    try stream.send(stream.event("run_complete", .object([:])))
    try stream.send(bytes: [0, 0])
    try stream.ingestion.endOfStream()
  }

  @Test func sequence() throws {
    try expect(.stream, "leaves a gap") { $0.event(changing: ["seq": .integer(3)]).frame }
    try expect(.stream, "repeats") { $0.event(changing: ["seq": .integer(1)]).frame }
    try expect(.stream, "repeats") { $0.event(changing: ["seq": .integer(-1)]).frame }
  }

  @Test func identity() throws {
    try expect(.stream, "run 'other'") { $0.event(changing: ["run_id": "other"]).frame }
    try expect(.stream, "attempt 2") { $0.event(changing: ["attempt": .integer(2)]).frame }
    try expect(.stream, "this is attempt 2", attempt: 2) { $0.event().frame }
  }

  @Test func version() throws {
    try expect(.versionMismatch, "'9.0.0'") { $0.event(changing: ["contract_version": "9.0.0"]).frame }
  }

  @Test func nonStringKeyInAPayload() throws {
    try expect(.stream, "not a string", isUndecodable: true) {
      $0.event("item", .map([MessagePackValue.Pair(.integer(1), .null)])).frame
    }
  }

  @Test func chunks() throws {
    try expect(.stream, "chunk 2 of artifact 'a'") { _ in ExecutorStream.chunk("a", 2, last: true, []).frame }
    try expect(.stream, "empty") { _ in ExecutorStream.chunk("", 1, last: true, []).frame }
    try expect(.stream, "8 MiB", isUndecodable: true) { _ in
      ExecutorStream.chunk("a", 1, last: true, [UInt8](repeating: 0, count: (8 << 20) + 1)).frame
    }
  }

  @Test func commits() throws {
    try expect(.stream, "no chunk") { $0.artifact("a", size: .integer(0)).frame }
    try expect(.stream, "'size_bytes' is missing") { $0.artifact("a", size: .null).frame }
    try expect(.stream, "'size_bytes' is not an integer") { $0.artifact("a", size: "3").frame }
    try expect(.stream, "empty") { $0.artifact("", size: .integer(0)).frame }
  }

  @Test func filenames() throws {
    for name in ["", "a/b", "a\\b", "..", "a..b", ".", "a\u{0}b"] {
      try expect(.stream, "filename") { _ in ExecutorStream.file(name).frame }
    }
  }
}
