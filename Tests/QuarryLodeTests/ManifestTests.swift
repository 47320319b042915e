import QuarryCore
import QuarryLode
import Testing

@Suite struct ManifestTests {
  let plain = Manifest(
    dataset: "quarry", id: SnapshotID(1_764_000_000_000_000_002), createdAt: "2025-11-24T16:00:00.000000002Z",
    files: [
      .init(path: "datasets/quarry/partitions/a=1/segments/1764000000000000002/data/data", sizeBytes: 12),
      .init(path: "datasets/quarry/partitions/b=2/segments/1764000000000000002/data/data", sizeBytes: 7),
    ], parent: SnapshotID(1_764_000_000_000_000_001), rowCount: 3)

  @Test func itsTextIsTheFormats() {
    #expect(
      String(decoding: plain.encoded, as: UTF8.self) == """
        {
          "schema_name": "lode-manifest",
          "format_version": "1.0.0",
          "dataset_id": "quarry",
          "snapshot_id": "1764000000000000002",
          "created_at": "2025-11-24T16:00:00.000000002Z",
          "metadata": {},
          "files": [
            {
              "path": "datasets/quarry/partitions/a=1/segments/1764000000000000002/data/data",
              "size_bytes": 12
            },
            {
              "path": "datasets/quarry/partitions/b=2/segments/1764000000000000002/data/data",
              "size_bytes": 7
            }
          ],
          "parent_snapshot_id": "1764000000000000001",
          "row_count": 3,
          "codec": "jsonl",
          "compressor": "noop",
          "partitioner": "hive"
        }
        """)
  }

  @Test func sidecarFilesStandInItsMetadata() throws {
    var manifest = plain
    manifest.parent = nil
    manifest.sidecarFiles = [
      SidecarFile(path: "datasets/q/x/files/a \"b\".png", filename: "a \"b\".png", contentType: "image/png", size: 5)
    ]
    let text = String(decoding: manifest.encoded, as: UTF8.self)
    #expect(
      text.contains(
        """
          "metadata": {
            "sidecar_files": [
              {
                "path": "datasets/q/x/files/a \\"b\\".png",
                "filename": "a \\"b\\".png",
                "content_type": "image/png",
                "size": 5
              }
            ]
          },
          "files": [
        """))
    #expect(!text.contains("parent_snapshot_id"))
    #expect(try Manifest(parsing: manifest.encoded) == manifest)
    manifest.sidecarFiles[0].checksum = "ab"
    #expect(String(decoding: manifest.encoded, as: UTF8.self).contains("\"size\": 5,\n        \"checksum\": \"ab\"\n"))
    #expect(try Manifest(parsing: manifest.encoded) == manifest)
  }

  @Test func readsWhatOthersWrite() throws {
    let text = #"""
      {"partitioner":"hive","files":[{"stats":{"x":[1]},"checksum":"abc","size_bytes":4,"path":"p"}],"new":{"a":null},
      "schema_name":"lode-manifest","format_version":"1.0.0","snapshot_id":"17","dataset_id":"d","metadata":{"k":"\u003c"},
      "created_at":"2025-01-01T00:00:00Z","row_count":1,"compressor":"gzip","checksum_algorithm":"md5"}
      """#
    let manifest = try Manifest(parsing: Array(text.utf8))
    #expect(manifest.id == SnapshotID(17))
    #expect(manifest.files == [.init(path: "p", sizeBytes: 4, checksum: "abc")])
    #expect(manifest.compressor == "gzip")
    #expect(manifest.parent == nil)
  }

  @Test(arguments: [
    "", "{", "[]", #"{"schema_name":"other"}"#, #"{"schema_name":"lode-manifest","format_version":"2.0.0"}"#,
    #"{"schema_name":"lode-manifest","format_version":"1.0.0","snapshot_id":"x1"}"#,
  ])
  func refusesWhatIsNone(_ text: String) {
    #expect(throws: Manifest.Unreadable.self) { try Manifest(parsing: Array(text.utf8)) }
  }

  @Test(arguments: [
    (#""parent_snapshot_id": "1764000000000000001""#, #""parent_snapshot_id": 1764000000000000001"#),
    (#""parent_snapshot_id": "1764000000000000001""#, #""parent_snapshot_id": "1764x""#),
    (#""files": ["#, #""files": {}, "others": ["#), (#""files": ["#, #""others": ["#),
    (#""files": ["#, #""files": null, "others": ["#),
    (#""metadata": {}"#, #""metadata": {"sidecar_files": {}}"#),
    (#""metadata": {}"#, #""metadata": {"sidecar_files": [{"path": "a/b"}]}"#),
    (#""metadata": {}"#, #""metadata": {"sidecar_files": [{"path": "../b", "filename": "b"}]}"#),
  ])
  func refusesOneThatWouldNameLess(_ old: String, _ new: String) throws {
    let text = String(decoding: plain.encoded, as: UTF8.self)
    #expect(text.contains(old))
    #expect(throws: Manifest.Unreadable.self) { try Manifest(parsing: Array(text.replacing(old, with: new).utf8)) }
  }

  @Test(arguments: ["null", "\"\""])
  func theFirstOfAChainMaySayThatItHasNoParent(_ parent: String) throws {
    let text = String(decoding: plain.encoded, as: UTF8.self).replacing("\"1764000000000000001\"", with: parent)
    #expect(try Manifest(parsing: Array(text.utf8)).parent == nil)
  }

  @Test func intentsSurviveAnOldTail() throws {
    let intent = CommitIntent([(SnapshotID(7), ["a=1/event_type=x y", "b=2"]), (SnapshotID(8), [])])
    #expect(CommitIntent(intent.encoded + Array("rubbish of a longer one".utf8)) == intent)
    #expect(CommitIntent([]) == nil)
    #expect(CommitIntent(Array("12345".utf8)) == nil)
    #expect(CommitIntent(Array(intent.encoded.dropLast())) == nil)
    #expect(CommitIntent(Array("quarry-commit 12\n7 ../../../x".utf8)) == nil)
  }

  @Test(arguments: ["0", "7", "1764000000000000002", "9223372036854775806"])
  func idsAreDigits(_ text: String) { #expect(SnapshotID(text)?.description == text) }

  @Test(arguments: ["", "+7", "07", "-1", "1a", "9223372036854775807", "18446744073709551616", "1.0", " 1"])
  func idsAreNothingElse(_ text: String) { #expect(SnapshotID(text) == nil) }
}
