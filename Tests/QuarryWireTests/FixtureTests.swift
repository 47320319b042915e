import Foundation
import QuarryCore
import QuarryWire
import Testing

/// The byte fixtures that the executor's tests read too.
@Suite struct FixtureTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/frames")

  static func manifest() throws -> [JSONValue] {
    let text = try String(contentsOf: folder.appending(path: "manifest.json"), encoding: .utf8)
    return try #require(try JSONParser.parse(text).array)
  }

  @Test func everyFixtureDecodesAsItsManifestSays() throws {
    let entries = try Self.manifest()
    #expect(entries.count > 30)
    for entry in entries {
      let file = try #require(entry["file"]?.string)
      let bytes = [UInt8](try Data(contentsOf: Self.folder.appending(path: file)))
      let expected = try #require(entry["frames"]?.array)
      let (frames, failure) = Self.decode(bytes)
      if let cause = Self.unstorable(expected) {
        #expect(failure == cause, "\(file)")
        continue
      }
      #expect(frames == expected.map(Self.plain), "\(file)")
      #expect(failure == entry["error"]?.string.map(Self.code), "\(file): \(String(describing: failure))")
    }
  }

  /// The executor's frame goes the short way, and its record is that of the general one.
  @Test func anItemOfTheExecutorIsReadInOnePass() throws {
    let bytes = [UInt8](try Data(contentsOf: Self.folder.appending(path: "event_item.bin"))).dropFirst(4)
    try Array(bytes).withUnsafeBytes { frame in
      guard case .event(let event) = try Frame(frame) else { throw WireError(.undecodable, "no event") }
      let transcoder = ItemTranscoder(
        RunIdentity(
          runID: event.runID.string, attempt: Int(event.attempt), jobID: event.jobID?.string,
          parentRunID: event.parentRunID?.string, depth: event.depth.map { Int($0) }))
      let taken = transcoder.item(in: frame)
      let item = try #require(taken)
      var expected: [UInt8] = []
      try JSONWriter.append(to: &expected) { writer throws(WireError) in try writer.members(of: event) }
      #expect(Array(item.end) == expected + RecordBatch.closing)
    }
  }

  private static func decode(_ bytes: [UInt8]) -> (frames: [JSONValue], failure: WireError.Code?) {
    var decoder = FrameDecoder()
    var frames: [JSONValue] = []
    do {
      for byte in bytes { frames += try decoder.feed([byte]).map(decoded) }
      try decoder.finish()
      return (frames, nil)
    } catch {
      return (frames, (error as? WireError)?.code)
    }
  }

  private static func decoded(_ payload: [UInt8]) throws -> JSONValue {
    let value = try JSONParser.parse(try json(payload))
    // Acks go the other way: this side only writes them.
    if value["type"] != "file_write_ack" { _ = try payload.withUnsafeBytes { try Frame($0) } }
    return value
  }

  private static func code(_ name: String) -> WireError.Code {
    switch name {
    case "truncated": .truncated
    case "oversized": .oversized
    default: .undecodable
    }
  }

  private static func unstorable(_ frames: [JSONValue]) -> WireError.Code? {
    frames.contains { $0.canonicalText.contains(#""$float""#) } ? .notFinite : nil
  }

  /// The manifest's notation for what JSON has no form of, as this side writes it.
  private static func plain(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let elements): return .array(elements.map(plain))
    case .object(let members):
      if let text = (members["$bin"] ?? members["$time"])?.string { return .string(text) }
      if let text = members["$int"]?.string {
        return Int64(text).map { .integer($0) } ?? UInt64(text).map { .unsigned($0) } ?? .null
      }
      return .object(members.mapValues(plain))
    default: return value
    }
  }
}
