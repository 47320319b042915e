import QuarryCore
import QuarryLode
import TestSupport
import Testing

@Suite struct LayoutTests {
  @Test(arguments: Durability.allCases)
  func theFirstCommitIsExactlyThis(_ durability: Durability) throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path, durability: durability, clock: stillClock())
    let run = try Run(dataset, id: "r/1 ä", source: "a+b", category: "c;d")
    try run.sink.write(
      run.batch {
        $0.addEvent("item", seq: 1); $0.addEvent("run_complete", seq: 2)
      })

    let partition = "source=a+b/category=c%3Bd/day=2026-11-24/run_id=r%2F1%20%C3%A4"
    let id = "1764000000000000000"
    #expect(
      tree("\(root.path)/datasets/quarry") == [
        "latest", "latest.lock", "partitions/\(partition)/event_type=item/segments/\(id)/data/data",
        "partitions/\(partition)/event_type=item/segments/\(id)/manifest.json",
        "partitions/\(partition)/event_type=run_complete/segments/\(id)/data/data",
        "partitions/\(partition)/event_type=run_complete/segments/\(id)/manifest.json", "segments/\(id)/manifest.json",
      ])
    #expect(text("\(root.path)/datasets/quarry/latest") == id)
    let data =
      #"{"record_kind":"event","source":"a+b","category":"c;d","day":"2026-11-24","run_id":"r/1 ä","#
      + #""event_type":"item","policy":"strict","seq":1,"ts":"2026-11-24T10:00:01.000Z"}"# + "\n"
    #expect(
      text("\(root.path)/datasets/quarry/partitions/\(partition)/event_type=item/segments/\(id)/data/data") == data)
    let key = "datasets/quarry/partitions/\(partition)"
    let manifest = """
      {
        "schema_name": "lode-manifest",
        "format_version": "1.0.0",
        "dataset_id": "quarry",
        "snapshot_id": "\(id)",
        "created_at": "2025-11-24T16:00:00.000000000Z",
        "metadata": {},
        "files": [
          {
            "path": "\(key)/event_type=item/segments/\(id)/data/data",
            "size_bytes": \(data.utf8.count)
          },
          {
            "path": "\(key)/event_type=run_complete/segments/\(id)/data/data",
            "size_bytes": \(data.utf8.count + 8)
          }
        ],
        "row_count": 2,
        "codec": "jsonl",
        "compressor": "noop",
        "partitioner": "hive"
      }
      """
    #expect(text("\(root.path)/datasets/quarry/segments/\(id)/manifest.json") == manifest)
    #expect(text("\(root.path)/\(key)/event_type=item/segments/\(id)/manifest.json") == manifest)
    #expect(dataset.storagePath(of: run.partition) == "file://\(root.path)/\(key)")
  }

  @Test func anyValueGoesThroughItsPathAndBack() throws {
    var generator = SystemRandomNumberGenerator()
    let pool = Array("aZ09-_.~$&+:=@/;,?%!'()* #\"\\äß漢🙂=").map(String.init)
    for _ in 0..<2_000 {
      func value() -> String {
        (0..<Int.random(in: 1...8, using: &generator)).compactMap { _ in pool.randomElement(using: &generator) }
          .joined()
      }
      let values = (source: value(), category: value(), run: value())
      guard ![values.source, values.category, values.run].contains(where: { $0 == "." || $0 == ".." }) else { continue }
      let partition = try RunPartition(
        dataset: "d", source: values.source, category: values.category, day: "2026-01-01", runID: values.run)
      let type = value()
      let full = DatasetLayout.partition(partition, eventType: type)
      #expect(full.split(separator: "/").count == 5)
      let path = try #require(RunPath(full))
      #expect(path.source == values.source && path.category == values.category && path.runID == values.run)
      #expect(path.path == partition.path)
      #expect(RunPath.eventType(full) == type)
      let layout = DatasetLayout(root: "/r", dataset: "d")
      #expect(layout.partition(ofDataKey: layout.dataKey(SnapshotID(5), partition: full)) == full)
    }
  }

  /// Of any characters at all, those that a person would type more often.
  private func anyValue() -> String {
    var generator = SystemRandomNumberGenerator()
    let odd = Array("/\\.%;,=:@&+$~!'()* #?\"<>|^`{}[]-_aA0".unicodeScalars)
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 1...12, using: &generator) {
      let scalar =
        Bool.random(using: &generator)
        ? odd.randomElement(using: &generator) : Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &generator))
      if let scalar { text.append(scalar) }
    }
    return String(text)
  }

  /// A value that is taken becomes one name below the dataset's folder, of bytes that need no quoting anywhere, and one that
  /// is another's in no case; what could not is refused.
  @Test func keysNeverLeaveTheirPlaceNorMeet() throws {
    var values: [String: [UInt8]] = [:]
    let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~$&+:=@%".utf8)
    for _ in 0..<5_000 {
      let value = anyValue()
      guard
        let partition = try? RunPartition(
          dataset: "d", source: value, category: value, day: "2026-01-01", runID: value)
      else {
        let isRefusedRightly =
          [".", "..", ""].contains(value)
          || value.unicodeScalars.contains { $0.properties.generalCategory == .control }
        #expect(isRefusedRightly, "\(value.debugDescription)")
        continue
      }
      let layout = DatasetLayout(root: "/root", dataset: "d")
      let full = DatasetLayout.partition(partition, eventType: value)
      let key = layout.dataKey(SnapshotID(7), partition: full, compression: .zstd)
      let names = key.split(separator: "/", omittingEmptySubsequences: false)
      #expect(names.count == 12 && names.prefix(3) == ["datasets", "d", "partitions"], "\(key)")
      #expect(names.allSatisfy { !["", ".", ".."].contains($0) && $0.utf8.count <= 255 }, "\(key)")
      #expect(key.utf8.allSatisfy { allowed.contains($0) || $0 == UInt8(ascii: "/") }, "\(key)")
      #expect(layout.key(of: layout.path(of: key)) == key)
      #expect(layout.partition(ofDataKey: key) == full)
      // Bytes, not characters: two spellings of one letter are two values.
      let path = try #require(RunPath(full))
      let bytes = Array(value.utf8)
      #expect([path.source, path.category, path.runID].allSatisfy { Array($0.utf8) == bytes })
      #expect(RunPath.eventType(full).map { Array($0.utf8) } == bytes)
      #expect(values.updateValue(bytes, forKey: full) ?? bytes == bytes)
    }
  }

  @Test func twoSpellingsAreTwoPaths() throws {
    let spellings = ["\u{e9}", "e\u{301}", "a b", "a%20b", "a+b", "A", "a", "a/b", "a%2Fb"]
    let paths = spellings.map { RunPartition.escape($0) }
    #expect(Set(paths.map { Array($0.utf8) }).count == spellings.count)
    #expect(
      zip(spellings, paths).allSatisfy { RunPartition.unescape(Substring($1)).map { Array($0.utf8) } == Array($0.utf8) }
    )
  }

  @Test func unescapedPathsOfOlderWritersAreRead() throws {
    let path = try #require(RunPath("source=a b/category=50%/day=2020-01-01/run_id=x;y/event_type=item"))
    #expect(path.source == "a b")
    #expect(path.category == "50%")
    #expect(path.runID == "x;y")
    #expect(RunPath("source=a/day=2020-01-01/category=b/run_id=x") == nil)
  }
}
