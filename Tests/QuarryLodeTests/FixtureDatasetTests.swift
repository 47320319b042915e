import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import Testing

/// Datasets that were not made by any code of Quarry's; see their README.
@Suite struct FixtureDatasetTests {
  private let root = TemporaryDirectory()

  /// A copy, which a test may write to.
  private func reader(_ dataset: String) throws -> LodeReader {
    let from = BuiltProducts.root + "/Tests/Fixtures/lode/datasets"
    try FileManager.default.copyItem(atPath: from, toPath: root.path + "/datasets")
    return LodeReader(root: root.path, dataset: dataset)
  }

  private func lines(_ reader: LodeReader, _ query: RecordQuery = RecordQuery()) throws -> [JSONValue] {
    var lines: [JSONValue] = []
    let figures = try reader.records(query, note: { Issue.record("\($0)") }) { line in
      if let value = try? JSONParser.parse(Array(line)) { lines.append(value) }
      return true
    }
    #expect(figures.records == Int64(lines.count) && figures.damages == 0)
    return lines
  }

  @Test func everyKindOfFileIsRead() throws {
    let reader = try reader("foreign")
    let chain = try reader.chain()
    #expect(chain.rows.count == 4 && chain.warnings == [])
    let records = try lines(reader)
    #expect(records.map { $0["run_id"]?.string } == ["r1", "r1", "r2", "r2", "r2", "r3", "r3", "r4", "r4", "r4", "r4"])
    #expect(
      records.prefix(2).allSatisfy { $0["payload"]?["data"]?["text"]?.string == "<b>&\u{2028}\u{2029}ä漢🙂" })
    #expect(try lines(reader, RecordQuery(runs: RunFilter(source: "my shop"))).count == 2)

    let runs = try reader.runs()
    #expect(runs.warnings == [] && Set(runs.rows.map(\.runID)) == ["r1", "r2", "r3", "r4"])
    var notes: [String] = []
    let second = try #require(try reader.run("r2", note: { notes.append($0) }))
    #expect(second.counts == ["item": 2, "run_complete": 1] && notes == [])
    #expect(second.summary.state == .succeeded)
    #expect(second.summary.startedAt == Timestamp("2023-11-14T22:13:30Z"))
    // Without a terminal event the last line of a compressed file would be asked for.
    #expect(try reader.run("r3")?.counts == ["item": 2])
  }

  @Test func anArtifactOfManyChunksComesOutWhole() throws {
    let reader = try reader("foreign")
    let content = try #require(try reader.run("r4")?.contents("page.bin").first)
    #expect(content.size == 3_000 && content.fault == nil)
    var bytes: [UInt8] = []
    try reader.read(content) {
      bytes += $0
      return true
    }
    #expect(bytes == (0..<3_000).map { UInt8(truncatingIfNeeded: ($0 * 31) >> 3) })
  }

  @Test(arguments: ["foreign", "old"])
  func itIsSoundAndMayBeWrittenOn(_ name: String) throws {
    let reader = try reader(name)
    let before = try lines(reader).count
    func errors() throws -> [Finding] {
      var errors: [Finding] = []
      _ = try reader.verify { if $0.severity == .error { errors.append($0) } }
      return errors
    }
    #expect(try errors() == [])
    for form in [StoredForm(), StoredForm(compression: .zstd, checksum: .md5)] {
      let dataset = LodeDataset(root: root.path, id: name, durability: .none, form: form)
      try Run(dataset, id: "new-\(form.compression)").sink.write(
        Run(dataset, id: "new-\(form.compression)").items(1..<4))
    }
    #expect(try errors() == [])
    #expect(try lines(reader).count == before + 6)
    let chain = try reader.chain()
    #expect(chain.warnings == [] && chain.rows.last?.parent == nil)
    #expect(zip(chain.rows, chain.rows.dropFirst()).allSatisfy { $0.parent == $1.id })
  }

  @Test func theOldOneIsRead() throws {
    let reader = try reader("old")
    #expect(try reader.chain().rows.count == 2)
    #expect(try lines(reader).compactMap { $0["run_id"]?.string } == ["o1", "o2"])
    #expect(try reader.runs(limit: 1).rows.map(\.runID) == ["o2"])
  }
}
