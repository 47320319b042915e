import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import Testing

/// Data that is compressed, or has checksums, or neither, side by side in one dataset.
@Suite struct StoredFormTests {
  private let root = TemporaryDirectory()
  private var reader: LodeReader { LodeReader(root: root.path) }

  private static let forms = Compression.allCases.flatMap { compression in
    StoredForm.Checksum.allCases.map { StoredForm(compression: compression, checksum: $0) }
  }

  private func dataset(_ form: StoredForm) -> LodeDataset {
    LodeDataset(root: root.path, durability: .none, form: form)
  }

  private func files(_ run: String) -> [String] {
    tree(reader.layout.folder).filter { $0.contains("run_id=\(run)/") && $0.contains("/data/data") }
      .map { "\(reader.layout.folder)/\($0)" }
  }

  private func findings(_ severity: Finding.Severity = .error) throws -> [Finding] {
    var found: [Finding] = []
    _ = try reader.verify { if $0.severity == severity { found.append($0) } }
    return found
  }

  private func read(_ filter: RunFilter = RunFilter()) throws -> (lines: Int, notes: [String]) {
    var (lines, notes) = (0, [String]())
    try reader.records(RecordQuery(runs: filter), note: { notes.append($0) }) { _ in
      lines += 1
      return true
    }
    return (lines, notes)
  }

  @Test func manifestsSayWhatFilesAre() throws {
    for (index, form) in Self.forms.enumerated() {
      let run = try Run(dataset(form), id: "r\(index)")
      try run.sink.write(run.items(1..<100))
      let manifest = try #require(try reader.chain().rows.first)
      let file = try #require(manifest.files.first)
      let ending = ["none": "/data/data", "gzip": "/data/data.gz", "zstd": "/data/data.zst"]
      #expect(file.path.hasSuffix(ending[form.compression.rawValue] ?? "?"))
      let content = try #require(FileManager.default.contents(atPath: reader.layout.path(of: file.path)))
      #expect(file.sizeBytes == Int64(content.count))
      #expect(form.compression == .none || content.count < 3_000)
      let stored = try #require(text("\(reader.layout.canonicalFolder(manifest.id))/manifest.json"))
      #expect(stored.contains("\"compressor\": \"\(form.compression == .none ? "noop" : form.compression.rawValue)\""))
      let checksum = form.checksum == .none ? nil : content.withUnsafeBytes { MD5.hex($0) }
      #expect(file.checksum == checksum)
      #expect(stored.hasSuffix(checksum == nil ? "\"hive\"\n}" : "\"hive\",\n  \"checksum_algorithm\": \"md5\"\n}"))
      #expect(try read(RunFilter(runID: "r\(index)")).lines == 99)
    }
    #expect(try findings() == [])
  }

  /// Of its records or of its files: a byte that changed is found, in whatever form the rest is.
  @Test(arguments: forms) func aStoredFileThatChangedIsFound(_ form: StoredForm) throws {
    let run = try Run(dataset(form), id: "r")
    try run.put("a.pdf", "precious")
    try run.sink.write(run.items(1..<2))
    #expect(try findings() == [])
    let detail = try #require(try reader.run("r"))
    let file = try #require(detail.sidecarFiles.first)
    let path = reader.layout.path(of: file.path)
    try FileManager.default.removeItem(atPath: path)
    try put("precioux", at: path)
    let isFound = form.checksum == .md5
    #expect(try findings().map(\.place) == (isFound ? [path] : []))
    var read: QuarryError?
    do { try reader.read(.file(file)) { _ in true } } catch { read = error }
    #expect((read != nil) == isFound && read?.message.hasPrefix("\(path) is damaged: its checksum is") != false)
  }

  /// Records, runs, artifacts, ledgers and what waits to be sent.
  @Test(arguments: forms)
  func everyReaderReadsIt(_ form: StoredForm) throws {
    let dataset = dataset(form)
    let run = try Run(dataset, id: "r")
    try run.sink.write(
      run.batch { batch in
        batch.addEvent("item", seq: 1)
        for seq in 1...4 { batch.addChunk(artifact: "a", seq: seq, last: seq == 4, length: 300_000) }
        batch.append(.artifactEvent, eventType: "artifact") { out in
          JSONText.appendMember("seq", Int64(2), to: &out)
          JSONText.appendMember("artifact_id", "a", to: &out)
          JSONText.appendMember("name", "n", to: &out)
          JSONText.appendMember("size_bytes", Int64(1_200_000), to: &out)
        }
      })
    try run.sink.write(run.batch { $0.addEvent("log", seq: 3) })
    try run.sink.write(run.batch { $0.addMetrics(completed: 0) })
    var warnings: [String] = []
    let detail = try #require(try reader.run("r", note: { warnings.append($0) }))
    #expect(detail.counts == ["item": 1, "artifact": 1, "log": 1, "metrics": 1] && warnings == [])
    #expect(detail.summary.state == .failed && detail.summary.endedAt == Timestamp("2026-11-24T10:01:00Z"))
    var bytes: [UInt8] = []
    try reader.read(try #require(detail.contents("n").first)) {
      bytes += $0
      return true
    }
    #expect(bytes == Array(String(repeating: "ABC", count: 400_000).utf8))

    let ledger = [#"{"kind":"accepted","task_id":"t","accepted_run_id":"r","epoch":1}"#]
    try dataset.ledger.append(ledger, fleet: "f", jobID: "j")
    #expect(try reader.acceptedRuns(jobID: "j").map(\.runID) == ["r"])
    let json = #"{"event_type":"run_completed"}"#
    let entry = OutboxEntry(notificationID: "n", adapter: "webhook", partition: run.partition, task: nil, json: json)
    try dataset.outbox.store(entry)
    #expect(try reader.undeliveredNotifications().rows.map(\.entry.json) == [json])
    try dataset.outbox.markDelivered(entry)
    #expect(try reader.undeliveredNotifications().rows == [])

    var seen = 0
    var rounds = 0
    _ = try reader.follow(
      RecordQuery(types: ["item"]),
      pause: {
        rounds += 1
        // A writer of another form goes on.
        let other = LodeDataset(root: root.path, durability: .none, form: StoredForm(compression: .gzip))
        if rounds == 1, let next = try? Run(other, id: "next") { try? next.sink.write(next.items(1..<3)) }
        return rounds < 3
      }, outage: { false }
    ) { _ in
      seen += 1
      return true
    }
    #expect(seen == 3)
    #expect(try findings() == [])
  }

  @Test(arguments: [Compression.gzip, .zstd])
  func damageIsNamedAndCostsNothingElse(_ compression: Compression) throws {
    let dataset = dataset(StoredForm(compression: compression))
    for id in ["r1", "r2", "r3"] {
      let run = try Run(dataset, id: id)
      try run.sink.write(run.items(1..<2_000))
    }
    let path = try #require(files("r2").first)
    var bytes = Array(try #require(FileManager.default.contents(atPath: path)))
    bytes[bytes.count / 2] ^= 0x55
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let changed = try read()
    #expect(changed.lines >= 3_998 && changed.lines < 5_997)
    #expect(changed.notes.contains { $0.hasPrefix("\(path) is damaged: its \(compression) data, after") })
    #expect(changed.notes.allSatisfy { $0.hasPrefix(path) })
    #expect(try findings().contains { $0.place == path && $0.message.contains("is damaged: its \(compression) data") })
    #expect(try reader.runs().rows.count == 3)

    try Data(bytes.prefix(bytes.count / 3)).write(to: URL(fileURLWithPath: path))
    let cut = try read()
    #expect(cut.notes.contains { $0.hasPrefix("\(path) is damaged") && $0.hasSuffix("it ends in the middle") })
    #expect(cut.notes.contains { $0.hasPrefix("\(path) has \(bytes.count / 3) bytes; its manifest says") })
    #expect(try read(RunFilter(runID: "r3")).lines == 1_999)

    // Nothing at all is no stream either; runs are listed all the same, and what is wrong is said.
    try Data().write(to: URL(fileURLWithPath: path))
    let runs = try reader.runs()
    #expect(runs.rows.count == 3 && runs.warnings.contains { $0.hasPrefix("\(path) is damaged") })
    var notes: [String] = []
    #expect(try reader.run("r2", note: { notes.append($0) }) != nil)
    #expect(notes.contains { $0.hasPrefix("\(path) is damaged") })
  }

  /// A few kilobytes that become a line without end.
  @Test func aBombIsStoppedAtTheLongestLine() throws {
    let run = try Run(dataset(StoredForm(compression: .zstd)), id: "r")
    try run.sink.write(run.items(1..<2))
    let path = try #require(files("r").first)
    let bomb = [UInt8](repeating: 0x20, count: 300 << 20).withUnsafeBytes { Compression.zstd.encode($0) }
    try Data(try #require(bomb)).write(to: URL(fileURLWithPath: path))
    let (lines, notes) = try read()
    #expect(lines == 0)
    #expect(notes.contains("\(path) is damaged: at byte 0 there is a line of more than 64 MiB"), "\(notes)")
    #expect(try findings().contains { $0.place == path && $0.message.contains("a line of more than 64 MiB") })
  }

  @Test func formatsThatAreNotKnownAreNamed() throws {
    let dataset = dataset(StoredForm())
    for id in ["r1", "r2"] {
      let run = try Run(dataset, id: id)
      try run.sink.write(run.items(1..<3))
    }
    let head = try reader.chain().rows[0]
    func rewrite(_ old: String, _ new: String) throws {
      for place in tree(reader.layout.folder) where place.hasSuffix("/\(head.id)/manifest.json") {
        let path = "\(reader.layout.folder)/\(place)"
        let content = try #require(text(path))
        #expect(content.contains(old))
        try FileManager.default.removeItem(atPath: path)
        try put(content.replacing(old, with: new), at: path)
      }
    }
    let place = "\(reader.layout.canonicalFolder(head.id))/manifest.json"
    func has(_ message: String, _ location: SourceLocation = #_sourceLocation) throws {
      let found = try findings()
      #expect(
        found.contains { $0.place == place && $0.message.contains(message) }, "\(found)", sourceLocation: location)
    }
    try rewrite("\"noop\"", "\"lz4\"")
    try has("its compressor 'lz4' is not known")
    let (lines, notes) = try read()
    let note = "snapshot \(head.id) is passed over: its compressor 'lz4' is not known"
    #expect(lines == 2 && notes == [note])
    let listing = try reader.runs()
    #expect(listing.rows.map(\.runID) == ["r2", "r1"] && listing.warnings == [note])
    #expect(listing.rows.map { $0.startedAt == nil } == [true, false])
    var warnings: [String] = []
    #expect(try reader.run("r2", note: { warnings.append($0) })?.counts == [:])
    #expect(warnings == [note])
    // A writer goes on behind it all the same.
    try Run(dataset, id: "r3").sink.write(Run(dataset, id: "r3").items(1..<2))
    #expect(try reader.chain().rows[1].id == head.id)
    try rewrite("\"lz4\"", "\"gzip\"")
    try has("its compressor is 'gzip', and it names ")
    try rewrite("\"gzip\"", "\"noop\"")
    try rewrite("\"jsonl\"", "\"parquet\"")
    try has("its codec 'parquet' is not known")
    try rewrite("\"parquet\"", "\"jsonl\"")
    #expect(try findings() == [])
    try rewrite("\"size_bytes\": ", "\"size_bytes\": -")
    try has("its size_bytes of \(head.files[0].path) is no number of bytes")
    #expect(try read().notes.contains { $0.hasSuffix("its manifest says no size that a file can have") })
    try rewrite("\"size_bytes\": -", "\"size_bytes\": ")
    try rewrite("\"row_count\": ", "\"row_count\": -")
    try has("its row_count is -2")
  }
}
