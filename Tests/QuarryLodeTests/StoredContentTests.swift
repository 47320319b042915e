import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import Testing

/// Artifacts and files as they come out again.
@Suite struct StoredContentTests {
  private let root = TemporaryDirectory()
  private var reader: LodeReader { LodeReader(root: root.path) }

  private struct Chunk {
    var offset: Int64?
    var bytes: [UInt8]
    var isLast = false
    var length: Int64?
    var data: String?
    var checksum: String?
  }

  private func store(_ chunks: [Chunk], size: Int64, id: String = "a", name: String = "n.bin") throws {
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r")
    // Each in a commit of its own, as a strict policy may store them.
    for (index, chunk) in chunks.enumerated() {
      try run.sink.write(
        run.batch { batch in
          batch.append(.artifactChunk, eventType: "artifact") { out in
            JSONText.appendMember("artifact_id", id, to: &out)
            JSONText.appendMember("seq", Int64(index), to: &out)
            JSONText.appendKey("is_last", to: &out)
            JSONText.append(chunk.isLast, to: &out)
            if let offset = chunk.offset { JSONText.appendMember("offset", offset, to: &out) }
            JSONText.appendMember("length", chunk.length ?? Int64(chunk.bytes.count), to: &out)
            JSONText.appendKey("data", to: &out)
            out += (chunk.data ?? "\"\(Data(chunk.bytes).base64EncodedString())\"").utf8
            guard let checksum = chunk.checksum else { return }
            JSONText.appendMember("checksum", checksum, to: &out)
            JSONText.appendMember("checksum_algo", "md5", to: &out)
          }
        })
    }
    guard size >= 0 else { return }
    try run.sink.write(
      run.batch { batch in
        batch.append(.artifactEvent, eventType: "artifact") { out in
          JSONText.appendMember("artifact_id", id, to: &out)
          JSONText.appendMember("name", name, to: &out)
          JSONText.appendMember("content_type", "a/b", to: &out)
          JSONText.appendMember("size_bytes", size, to: &out)
        }
      })
  }

  private func content(_ name: String = "n.bin") throws -> StoredContent {
    try #require(try reader.run("r", types: ["artifact"])?.contents(name).first)
  }

  private func bytes(_ content: StoredContent) throws -> [UInt8] {
    var out: [UInt8] = []
    try reader.read(content) {
      out += $0; return true
    }
    return out
  }

  private static let md5OfABC = "900150983cd24fb0d6963f7d28e17f72"

  @Test func chunksAreJoinedByOffsetAndRepeatedOnesCountOnce() throws {
    let one = Chunk(offset: 0, bytes: Array("abc".utf8), checksum: Self.md5OfABC)
    let two = Chunk(offset: 3, bytes: [0, 255, 7, 9])
    let last = Chunk(offset: 7, bytes: [], isLast: true, data: "null")
    for order in [[one, two, last], [one, two, one, two, last, last], [last, two, one], [two, two, one, last]] {
      try store(order, size: 7, id: "a\(order.count)")
    }
    let detail = try #require(try reader.run("r"))
    #expect(detail.artifacts.count == 3)
    for artifact in detail.artifacts {
      #expect(artifact.isComplete && artifact.size == 7)
      #expect(try bytes(.artifact(artifact)) == Array("abc".utf8) + [0, 255, 7, 9])
    }
    #expect(detail.contents("n.bin").count == 3 && detail.contents("a3").count == 1)
  }

  /// Whatever the artifacts of the run are called.
  @Test func aFileCanAlwaysBeNamed() throws {
    try store([Chunk(bytes: [1], isLast: true)], size: 1, id: "a", name: "x")
    try store([Chunk(bytes: [2], isLast: true)], size: 1, id: "b", name: "files/x")
    try store([Chunk(bytes: [3], isLast: true)], size: 1, id: "c", name: "files/x")
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r")
    try run.put("x", "file")
    try run.sink.write(run.items(0..<1))
    let detail = try #require(try reader.run("r"))
    #expect(detail.contents("x").count == 2)
    #expect(detail.contents("files/x").map(\.size) == [4])
    for content in detail.artifacts.map(StoredContent.artifact) + detail.contents("files/x") {
      #expect(detail.contents(detail.exactName(content)) == [content])
    }
    let path = try #require(detail.sidecarFiles.first?.path)
    #expect(detail.contents(path) == detail.contents("files/x"))
  }

  @Test func whatOlderWritersLeaveOutIsRead() throws {
    try store(
      [Chunk(bytes: [1, 2, 3]), Chunk(bytes: [251, 255], isLast: true, data: #""+\/8=""#)], size: 0)
    let found = try content()
    #expect(found.fault == nil && found.size == 5 && found.contentType == "a/b")
    #expect(try bytes(found) == [1, 2, 3, 251, 255])
  }

  @Test func whatIsNotWholeSaysWhy() throws {
    func fault(_ chunks: [Chunk], size: Int64, _ id: String) throws -> String? {
      try store(chunks, size: size, id: id)
      return try content(id).fault
    }
    let one = Chunk(offset: 0, bytes: [1, 2])
    #expect(try fault([one, Chunk(offset: 5, bytes: [1], isLast: true)], size: 6, "gap") == "bytes 2 to 4 are missing")
    #expect(try fault([one], size: 2, "open") == "the last chunk is missing: 2 bytes are there")
    #expect(try fault([one, Chunk(offset: 1, bytes: [1], isLast: true)], size: 2, "lap") == "two chunks hold byte 1")
    #expect(
      try fault([Chunk(offset: 0, bytes: [1], isLast: true), Chunk(offset: 1, bytes: [1])], size: 2, "more")
        == "there are bytes beyond the last chunk, which ends at 1")
    #expect(
      try fault([Chunk(offset: 0, bytes: [1], isLast: true)], size: 3, "short")
        == "1 bytes are there, and there should be 3"
    )
    #expect(
      try fault([Chunk(offset: 0, bytes: [1], isLast: true)], size: -1, "orphan")?.contains("never stored") == true)
  }

  @Test func damagedBytesAreNoContent() throws {
    let damaged: [(String, Chunk, String)] = [
      ("checksum", Chunk(offset: 0, bytes: [1], isLast: true, checksum: Self.md5OfABC), "not \(Self.md5OfABC)"),
      ("length", Chunk(offset: 0, bytes: [1, 2], isLast: true, length: 1), "holds 2 bytes and says 1"),
      ("data", Chunk(offset: 0, bytes: [1], isLast: true, data: #""AQ=""#), "no base64"),
      ("object", Chunk(offset: 0, bytes: [1], isLast: true, data: #"{"x":1}"#), "no base64"),
    ]
    for (id, chunk, reason) in damaged {
      try store([chunk], size: 0, id: id)
      let found = try content(id)
      let error = #expect(throws: QuarryError.self) { try bytes(found) }
      #expect(error?.message.contains(reason) == true, "\(id): \(error?.message ?? "")")
      #expect(error?.message.contains("artifact \(id) is damaged at \(root.path)") == true)
    }
  }

  @Test func filesAreReadByTheirRecordedPathAndSize() throws {
    let run = try Run(LodeDataset(root: root.path, durability: .none), id: "r")
    try run.put("a b.txt", String(repeating: "hello", count: 500_000))
    try run.sink.write(run.items(0..<1))
    let found = try content("a b.txt")
    #expect(try bytes(found).count == 2_500_000)
    #expect(try content("files/a b.txt") == found)
    guard case .file(let file) = found else { throw CancellationError() }
    let path = reader.layout.path(of: file.path)
    try put("hello", at: path)
    let short = #expect(throws: QuarryError.self) { try bytes(found) }
    #expect(short?.message == "\(path) has 5 bytes; its manifest says 2500000")
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/etc/passwd")
    #expect(throws: QuarryError.self) { try bytes(found) }
  }
}
