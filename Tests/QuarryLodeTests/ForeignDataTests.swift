import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import Testing

/// Datasets as other writers, older ones, or accidents leave them.
@Suite struct ForeignDataTests {
  /// Three snapshots of one run each; their ids, oldest first.
  private func prepare(_ root: String) throws -> [SnapshotID] {
    let dataset = LodeDataset(root: root, durability: .none)
    for index in 0..<3 {
      let run = try Run(dataset, id: "r\(index)")
      try run.sink.write(run.items(index..<index + 1))
    }
    return try LodeReader(root: root).chain().rows.map(\.id).reversed()
  }

  private func append(_ root: String) throws {
    let run = try Run(LodeDataset(root: root, durability: .none), id: "new")
    try run.sink.write(run.items(7..<8))
  }

  @Test func aMissingPointerMeansTheGreatest() throws {
    let root = TemporaryDirectory()
    let ids = try prepare(root.path)
    let reader = LodeReader(root: root.path)
    try FileManager.default.removeItem(atPath: reader.layout.pointer)
    #expect(try reader.chain().rows.map(\.id) == ids.reversed())
    try append(root.path)
    #expect(try reader.chain().rows.first?.parent == ids.last)
    #expect(try faults(reader) == [])
  }

  @Test func aDanglingPointerMeansTheGreatestAndIsExceeded() throws {
    let root = TemporaryDirectory()
    let ids = try prepare(root.path)
    let reader = LodeReader(root: root.path)
    let dangling = SnapshotID(ids[2].value + 3_600_000_000_000)
    try put("\(dangling)", at: reader.layout.pointer)
    #expect(try reader.chain().rows.map(\.id) == ids.reversed())
    try append(root.path)
    let head = try #require(try reader.chain().rows.first)
    #expect(head.parent == ids[2] && head.id > dangling)
    #expect(try faults(reader) == [])
  }

  /// Somebody put an old pointer back: what was committed behind it counts, and the next commit follows it.
  @Test func whatWasCommittedIsNoLeftoverOfAnOldPointer() throws {
    let root = TemporaryDirectory()
    let ids = try prepare(root.path)
    let reader = LodeReader(root: root.path)
    try put("\(ids[0])", at: reader.layout.pointer)
    try append(root.path)
    #expect(try reader.chain().rows.dropFirst().map(\.id) == ids.reversed())
    #expect(try faults(reader) == [])
  }

  @Test func aPointerWithSpaceAroundItIsTrimmed() throws {
    let root = TemporaryDirectory()
    let ids = try prepare(root.path)
    let reader = LodeReader(root: root.path)
    try put(" \(ids[2])\r\n", at: reader.layout.pointer)
    #expect(try reader.chain().rows.map(\.id) == ids.reversed())
    #expect(try reader.runs().rows.map(\.runID) == ["r2", "r1", "r0"])
    #expect(try reader.runs().warnings == [])
  }

  @Test func aTruncatedManifestIsNamedAndItsCopyServes() throws {
    let root = TemporaryDirectory()
    let ids = try prepare(root.path)
    let reader = LodeReader(root: root.path)
    let canonical = "\(reader.layout.canonicalFolder(ids[1]))/manifest.json"
    // Replaced, not written in place: the partition's manifest is the same file under another name.
    try FileManager.default.removeItem(atPath: canonical)
    try put("{\n  \"schema_name\": \"lode-ma", at: canonical)
    let chain = try reader.chain()
    #expect(chain.rows.map(\.id) == ids.reversed())
    #expect(chain.warnings.count == 1 && chain.warnings[0].hasPrefix("\(canonical) is passed over: not JSON"))

    try FileManager.default.removeItem(
      atPath: "\(reader.layout.segmentFolder(ids[1], partition: partition("r1")))/manifest.json")
    let without = try reader.chain()
    #expect(without.rows.map(\.id) == [ids[2], ids[0]])
    #expect(without.warnings.contains { $0.contains("snapshot \(ids[2]) follows \(ids[1]), which is not there") })
    #expect(try reader.runs().rows.map(\.runID) == ["r2", "r0"])
    try append(root.path)
    #expect(try reader.chain().rows.map(\.id).dropFirst() == [ids[2], ids[0]])
  }

  @Test func aTruncatedHeadIsPassedOver() throws {
    let root = TemporaryDirectory()
    let ids = try prepare(root.path)
    let reader = LodeReader(root: root.path)
    for path in tree(reader.layout.folder) where path.hasSuffix("segments/\(ids[2])/manifest.json") {
      try FileManager.default.removeItem(atPath: "\(reader.layout.folder)/\(path)")
      try put("", at: "\(reader.layout.folder)/\(path)")
    }
    #expect(try reader.chain().rows.map(\.id) == [ids[1], ids[0]])
    try append(root.path)
    let head = try #require(try reader.chain().rows.first)
    #expect(head.parent == ids[1] && head.id > ids[2])
    #expect(try sequence(reader, "new") == [7])
  }

  /// One of another format, and one of a version to come: named and stepped over, at the head and below it.
  @Test(arguments: [
    (#"{"schema_name": "iceberg", "format_version": "1.0.0"}"#, "not a Lode manifest"),
    (#"{"schema_name": "lode-manifest", "format_version": "2.0.0"}"#, #"format_version "2.0.0" is not known"#),
    ("[]", "not a Lode manifest"),
  ])
  func aForeignManifestIsNamedAndPassedOver(_ content: String, _ reason: String) throws {
    for place in [1, 2] {
      let root = TemporaryDirectory()
      let ids = try prepare(root.path)
      let reader = LodeReader(root: root.path)
      for path in tree(reader.layout.folder) where path.hasSuffix("segments/\(ids[place])/manifest.json") {
        try FileManager.default.removeItem(atPath: "\(reader.layout.folder)/\(path)")
        try put(content, at: "\(reader.layout.folder)/\(path)")
      }
      let chain = try reader.chain()
      #expect(chain.rows.map(\.id) == ids.reversed().filter { $0 != ids[place] })
      #expect(chain.warnings.contains { $0.hasSuffix("is passed over: \(reason)") }, "\(chain.warnings)")
      #expect(try reader.runs().rows.count == 2)
      #expect(try sequence(reader, "r0") == [0])
      try append(root.path)
      #expect(try sequence(reader, "new") == [7])
    }
  }

  /// The longest that the format allows, and one that only we read.
  @Test(arguments: [RecordBatch.lineLimit - 2, 12 << 20])
  func longLinesAreRead(_ length: Int) throws {
    let root = TemporaryDirectory()
    for form in [StoredForm(), StoredForm(compression: .gzip), StoredForm(compression: .zstd)] {
      let run = try Run(LodeDataset(root: root.path, durability: .none, form: form), id: "\(form.compression)")
      try run.sink.write(
        run.batch { batch in
          batch.addEvent("item", seq: 1)
          batch.addEvent("item", seq: 2) { out in
            let rest = length - out.count - #","pad":""}"#.utf8.count
            JSONText.appendMember("pad", String(repeating: "x", count: rest), to: &out)
          }
          batch.addEvent("item", seq: 3)
        })
    }
    let reader = LodeReader(root: root.path)
    var lengths: [Int] = []
    try reader.records(RecordQuery()) {
      lengths.append($0.count)
      return true
    }
    #expect(lengths.count == 9 && lengths.max().map { $0 > 10_000_000 } == true)
    var findings: [Finding] = []
    _ = try reader.verify { findings.append($0) }
    let tooLong = findings.filter { $0.message.contains("longer than other readers take") }
    #expect(tooLong.count == (length > RecordBatch.lineLimit ? 3 : 0) && !findings.contains { $0.kind == .rows })
  }

  @Test func datasetsWithPartitionManifestsAloneAreRead() throws {
    let root = TemporaryDirectory()
    let ids = try prepare(root.path)
    let reader = LodeReader(root: root.path)
    try FileManager.default.removeItem(atPath: reader.layout.segments)
    try FileManager.default.removeItem(atPath: reader.layout.pointer)
    #expect(try reader.chain().rows.map(\.id) == ids.reversed())
    #expect(try reader.runs().rows.count == 3)
    #expect(try sequence(reader, "r1") == [1])
    try append(root.path)
    #expect(try faults(reader) == [])
  }

  @Test func whatIsNotTheFormatsIsIgnored() throws {
    let root = TemporaryDirectory()
    _ = try prepare(root.path)
    let reader = LodeReader(root: root.path)
    let folder = reader.layout.folder
    for path in [
      "\(folder)/.lode-cas-9", "\(folder)/segments/x/manifest.json", "\(folder)/README", "\(folder)/partitions/odd/y",
    ] {
      try put("rubbish", at: path)
    }
    try put("rubbish", at: "\(folder)/partitions/\(partition("r1"))/segments/99999999999999999999/manifest.json")
    #expect(try faults(reader) == [])
    #expect(try reader.runs().rows.count == 3)
    #expect(try reader.runs().warnings == [])
  }

  @Test func anEmptyPlaceHoldsNothing() throws {
    let root = TemporaryDirectory()
    for reader in [LodeReader(root: root.path), LodeReader(root: "\(root.path)/none")] {
      #expect(try reader.runs().rows == [])
      #expect(try reader.run("x") == nil)
      #expect(try reader.jobs().rows == [])
      #expect(try reader.ledgerJobs() == [])
    }
    #expect(tree(root.path) == [])
  }

  private func partition(_ run: String) -> String {
    "source=shop/category=default/day=2026-11-24/run_id=\(run)/event_type=item"
  }
}
