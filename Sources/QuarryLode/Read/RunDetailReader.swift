import QuarryCore

/// Puts together everything about one run from the snapshots that hold its records.
struct RunDetailReader {
  private static let artifactMembers = ChunkCover.Chunk.members.union([
    "record_kind", "artifact_id", "name", "content_type", "size_bytes", "is_last",
  ])

  let layout: DatasetLayout
  private let types: Set<String>?
  private(set) var detail: RunDetail
  /// A sentence for each thing that could not be read.
  private(set) var warnings: [String] = []
  /// Places of artifacts in the detail's list.
  private var places: [String: Int] = [:]
  private var removed: RemovedRecords

  /// - Parameter types: only records of these are looked at; nil for all.
  init(layout: DatasetLayout, summary: RunSummary, types: Set<String>? = nil) {
    self.layout = layout
    self.types = types
    removed = RemovedRecords(layout: layout)
    detail = RunDetail(summary: summary)
  }

  mutating func read(_ inspector: inout RunInspector, index: RunInspector.Index) throws(QuarryError) {
    let run = detail.summary.path
    for id in index.ids {
      guard let manifest = try inspector.manifest(id) else { continue }
      if let problem = manifest.unknownFormat {
        warnings.append("snapshot \(id) is passed over: \(problem)")
        continue
      }
      let files = inspector.files(of: run, in: manifest)
      detail.snapshotCount += 1
      detail.sidecarFiles += sidecars(of: manifest, run: run, isAlone: files.count == manifest.files.count)
      for (type, file) in files where types?.contains(type) ?? true {
        detail.dataBytes = detail.dataBytes &+| file.sizeBytes
        try read(file, type: type, rows: manifest.files.count == 1 ? manifest.rowCount : nil)
      }
    }
    if types == nil { try leaveOutMissingSidecars() }
    warnings += inspector.warnings.filter { !warnings.contains($0) }
  }

  private mutating func leaveOutMissingSidecars() throws(QuarryError) {
    let found = layout.concurrently(detail.sidecarFiles) { [layout] file throws(FileFailure) in
      try layout.store.exists(layout.path(of: file.path))
    }
    var there: [SidecarFile] = []
    for (file, isThere) in zip(detail.sidecarFiles, found) {
      do throws(FileFailure) {
        if try isThere.get() {
          there.append(file)
        } else {
          warnings.append(CheckedLines.isGone(layout.path(of: file.path)))
        }
      } catch {
        guard layout.isOfOneFile(error) else { throw error.described(layout) }
        warnings.append(error.sentence(layout))
      }
    }
    detail.sidecarFiles = there
  }

  /// A snapshot's list names the run's own files; one that other writers shared between runs is told apart by path.
  private func sidecars(of manifest: Manifest, run: RunPath, isAlone: Bool) -> [SidecarFile] {
    let files = manifest.sidecarFiles.filter {
      isAlone || $0.path.hasPrefix("\(layout.key)/partitions/\(run.path)/")
    }
    guard !manifest.hasKnownChecksums else { return files }
    return files.map { file in
      var file = file
      file.checksum = nil
      return file
    }
  }

  private mutating func read(_ file: Manifest.File, type: String, rows: Int64?) throws(QuarryError) {
    let path = layout.path(of: file.path)
    switch type {
    case "artifact": try readArtifacts(file, path)
    case "metrics": try readMetrics(file)
    default:
      let count = if let rows { rows } else { try countLines(file) }
      detail.counts[type, default: 0] += count
    }
  }

  private mutating func countLines(_ file: Manifest.File) throws(QuarryError) -> Int64 {
    var count: Int64 = 0
    try eachLine(file) { _, _ in count += 1 }
    return count
  }

  private mutating func readMetrics(_ file: Manifest.File) throws(QuarryError) {
    var metrics = detail.metrics
    try eachLine(file) { line, _ in
      // A number that is out of range is JSON all the same, and the lines before it stand.
      if let value = try? JSONParser.parse(Array(line)) { metrics = value }
    }
    detail.metrics = metrics
    detail.counts["metrics", default: 0] += 1
  }

  private mutating func readArtifacts(_ file: Manifest.File, _ path: String) throws(QuarryError) {
    var artifacts = detail.artifacts
    var places = places
    var committed: Int64 = 0
    try eachLine(file) { line, place in
      let members = RecordMembers.read(Self.artifactMembers, from: line)
      guard let id = members["artifact_id"]?.string else { return }
      let index = places[id] ?? artifacts.endIndex
      if index == artifacts.endIndex { artifacts.append(StoredArtifact(id: id)) }
      places[id] = index
      if members["record_kind"]?.string == RecordKind.artifactChunk.rawValue {
        artifacts[index].take(chunk: members, path: path, place: place, lineLength: line.count)
      } else {
        artifacts[index].take(commit: members)
        committed += 1
      }
    }
    detail.artifacts = artifacts
    self.places = places
    if committed > 0 { detail.counts["artifact", default: 0] += committed }
  }

  private mutating func eachLine(
    _ file: Manifest.File, _ body: (_ line: UnsafeRawBufferPointer, _ place: Int64) -> Void
  ) throws(QuarryError) {
    warnings += try CheckedLines(layout: layout, file: file).forEach(&removed) { line, place in
      body(line, place)
      return true
    }
  }
}

extension StoredArtifact {
  mutating func take(chunk members: [String: JSONValue], path: String, place: Int64, lineLength: Int) {
    let next = cover.chunks.last?.end ?? 0
    let chunk = ChunkCover.Chunk(members, next: next, path: path, place: place, lineLength: lineLength)
    cover.add(chunk, isLast: members["is_last"]?.bool == true)
  }

  mutating func take(commit members: [String: JSONValue]) {
    isCommitted = true
    name = members["name"]?.string
    contentType = members["content_type"]?.string
    statedSize = members["size_bytes"]?.integer ?? 0
  }
}
