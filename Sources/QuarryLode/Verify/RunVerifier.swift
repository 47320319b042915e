import QuarryCore

/// Reads every record of one run.
struct RunVerifier {
  private static let chunkMembers = ChunkCover.Chunk.members.union([
    "record_kind", "source", "category", "day", "run_id", "event_type", "artifact_id", "is_last",
  ])
  private static let partitionKeys = ["source", "category", "day", "run_id", "event_type"]

  let layout: DatasetLayout
  let run: RunPath
  /// Data files that were not there before, by the hash of their paths: these are told already.
  let missing: Set<Int>
  let report: (Finding) -> Void
  /// A file or folder of the run could not be read: what is missing, nobody knows.
  var isCutShort = false
  private(set) var tally = RunTally()
  private(set) var records: Int64 = 0

  init(layout: DatasetLayout, run: RunPath, missing: Set<Int>, report: @escaping (Finding) -> Void) {
    self.layout = layout
    self.run = run
    self.missing = missing
    self.report = report
  }

  /// - Parameter files: of one snapshot that are the run's, with their event types.
  /// - Returns: how many lines they have; nil when one cannot be read.
  /// - Throws: when it is not a file but the store that cannot be read.
  mutating func read(_ files: [(type: String, file: Manifest.File)]) throws(QuarryError) -> Int64? {
    var lines: Int64? = 0
    for (type, file) in files {
      let count = try read(file, type: type)
      lines = lines.flatMap { total in count.map { total + $0 } }
    }
    tally.endOfSnapshot()
    return lines
  }

  /// What all of the run adds up to.
  func conclude() {
    guard run.source != LodeLedger.source else { return }
    guard !isCutShort else {
      let message = "not all of it can be read, so that its sequence, artifacts and metrics were not checked"
      return report(Finding(.note, .run, run.path, runID: run.runID, message))
    }
    for verdict in tally.verdicts() {
      report(Finding(verdict.severity, verdict.kind, run.path, runID: run.runID, verdict.message))
    }
  }

  private mutating func read(_ file: Manifest.File, type: String) throws(QuarryError) -> Int64? {
    let path = layout.path(of: file.path)
    var flaws = LineFlaws()
    var number: Int64 = 0
    do throws(FileFailure) {
      let isThere = try RecordLines(layout.store, path).forEachPlaced { line, place in
        number += 1
        if let flaw = examine(line, at: place, in: path, type: type) { flaws.note(flaw, line: number) }
        return true
      }
      guard isThere else {
        try noteMissing(file, path)
        return nil
      }
    } catch {
      guard layout.isOfOneFile(error) else { throw error.described(layout) }
      isCutShort = true
      report(Finding(.error, .file, path, runID: run.runID, error.sentence(layout)))
      return nil
    }
    for message in flaws.messages { report(Finding(.error, .line, path, runID: run.runID, message)) }
    records += number
    return number
  }

  /// Of one that was there when the chain was looked at: it cannot be read, or went meanwhile.
  private mutating func noteMissing(_ file: Manifest.File, _ path: String) throws(FileFailure) {
    guard !missing.contains(path.hashValue) else { return }
    isCutShort = true
    var removed = RemovedRecords(layout: layout)
    if let id = layout.segment(ofDataKey: file.path), try removed.folder(ofKey: file.path, at: id) != nil { return }
    report(Finding(.error, .file, path, runID: run.runID, "was there when the check began, and is not there now"))
  }

  /// - Returns: what is wrong with the line.
  private mutating func examine(
    _ line: UnsafeRawBufferPointer, at place: Int64, in path: String, type: String
  ) -> String? {
    let chunk = RecordMembers.read(Self.chunkMembers, from: line)
    if chunk["record_kind"]?.string == RecordKind.artifactChunk.rawValue {
      return examine(chunk: chunk, line, at: place, in: path, type: type)
    }
    guard let value = try? JSONParser.parse(Array(line)), value.object != nil else { return "no JSON object" }
    switch value["record_kind"]?.string.flatMap(RecordKind.init) {
    case .event: tally.take(event: value)
    case .artifactEvent:
      tally.take(event: value)
      tally.take(commit: value)
    case .metrics: tally.take(metrics: value)
    default: break
    }
    if line.count >= RecordBatch.lineLimit - 1 { return "longer than other readers take" }
    return misplaced({ value[$0]?.string }, type: type)
  }

  private mutating func examine(
    chunk members: [String: JSONValue], _ line: UnsafeRawBufferPointer, at place: Int64, in path: String, type: String
  ) -> String? {
    guard JSONCheck.isObject(line) else { return "no JSON object" }
    if let flaw = misplaced({ members[$0]?.string }, type: type) { return flaw }
    tally.take(chunk: members, path: path, place: place, lineLength: line.count)
    do throws(ChunkData.Damage) {
      let data = try ChunkData.decode(line)
      let stated = members["length"]?.integer
      return stated == Int64(data.count) ? nil : "a chunk that holds \(data.count) bytes and says \(stated ?? 0)"
    } catch {
      return "a chunk of which \(error.reason)"
    }
  }

  private func misplaced(_ member: (String) -> String?, type: String) -> String? {
    let wanted = [run.source, run.category, run.day, run.runID, type]
    for (key, value) in zip(Self.partitionKeys, wanted) where member(key) != value {
      return "of another partition: its \(key) is \(member(key).map { "'\($0)'" } ?? "missing")"
    }
    return nil
  }
}

/// What is wrong with the lines of one file, each sort said once.
private struct LineFlaws {
  private var found: [String: (count: Int64, first: Int64)] = [:]

  mutating func note(_ flaw: String, line: Int64) {
    // Reasons may quote the data, so there may be many.
    let reason = found.count < 20 || found[flaw] != nil ? flaw : "damaged"
    let before = found[reason] ?? (0, line)
    found[reason] = (before.count + 1, before.first)
  }

  var messages: [String] {
    found.sorted { ($0.value.first, $0.key) < ($1.value.first, $1.key) }.map { reason, place in
      "line \(place.first)\(place.count > 1 ? " and \(place.count - 1) more" : ""): \(reason)"
    }
  }
}
