import QuarryCore

/// Puts together everything about one run from the snapshots that hold its records.
struct RunDetailReader {
  private static let artifactMembers: Set<String> = [
    "record_kind", "artifact_id", "name", "content_type", "size_bytes", "length", "is_last",
  ]

  let layout: DatasetLayout
  private(set) var detail: RunDetail

  init(layout: DatasetLayout, summary: RunSummary) {
    self.layout = layout
    detail = RunDetail(summary: summary)
  }

  mutating func read(_ inspector: inout RunInspector, index: RunInspector.Index) throws(QuarryError) {
    let run = detail.summary.path
    for id in index.ids {
      guard let manifest = try inspector.manifest(id) else { continue }
      let files = inspector.files(of: run, in: manifest)
      detail.snapshotCount += 1
      detail.sidecarFiles += sidecars(of: manifest, run: run, isAlone: files.count == manifest.files.count)
      for (type, file) in files {
        detail.dataBytes += file.sizeBytes
        try read(file, type: type, rows: manifest.files.count == 1 ? manifest.rowCount : nil)
      }
    }
    detail.warnings += inspector.warnings
  }

  /// A snapshot's list names the run's own files; one that other writers shared between runs is told apart by path.
  private func sidecars(of manifest: Manifest, run: RunPath, isAlone: Bool) -> [SidecarFile] {
    manifest.sidecarFiles.filter { isAlone || $0.path.hasPrefix("\(layout.key)/partitions/\(run.path)/") }
  }

  private mutating func read(_ file: Manifest.File, type: String, rows: Int64?) throws(QuarryError) {
    let path = layout.path(of: file.path)
    if !file.isPlain {
      detail.warnings.append("\(path) is compressed, which is not read yet; its records are not counted")
      return
    }
    switch type {
    case "artifact": try readArtifacts(path)
    case "metrics": try readMetrics(path)
    default:
      let count = if let rows { rows } else { try countLines(path) }
      detail.counts[type, default: 0] += count
    }
  }

  private mutating func countLines(_ path: String) throws(QuarryError) -> Int64 {
    var count: Int64 = 0
    try eachLine(path) { _ in count += 1 }
    return count
  }

  private mutating func readMetrics(_ path: String) throws(QuarryError) {
    var metrics = detail.metrics
    try eachLine(path) { line in
      // A damaged line says nothing, and the ones before it stand.
      if let value = try? JSONParser.parse(Array(line)) { metrics = value }
    }
    detail.metrics = metrics
    detail.counts["metrics", default: 0] += 1
  }

  private mutating func readArtifacts(_ path: String) throws(QuarryError) {
    var artifacts = detail.artifacts
    var committed: Int64 = 0
    try eachLine(path) { line in
      let members = RecordMembers.read(Self.artifactMembers, from: line)
      guard let id = members["artifact_id"]?.string else { return }
      let place = artifacts.firstIndex { $0.id == id } ?? artifacts.endIndex
      if place == artifacts.endIndex { artifacts.append(StoredArtifact(id: id)) }
      if Self.apply(members, to: &artifacts[place]) { committed += 1 }
    }
    detail.artifacts = artifacts
    if committed > 0 { detail.counts["artifact", default: 0] += committed }
  }

  /// - Returns: true for the commit event.
  private static func apply(_ members: [String: JSONValue], to artifact: inout StoredArtifact) -> Bool {
    if members["record_kind"]?.string == RecordKind.artifactChunk.rawValue {
      artifact.size += members["length"]?.integer ?? 0
      artifact.chunkCount += 1
      artifact.hasLastChunk = artifact.hasLastChunk || members["is_last"]?.bool == true
      return false
    }
    artifact.isCommitted = true
    artifact.name = members["name"]?.string
    artifact.contentType = members["content_type"]?.string
    artifact.statedSize = members["size_bytes"]?.integer ?? 0
    return true
  }

  private mutating func eachLine(_ path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws(QuarryError) {
    let isThere = try RecordLines(path: path).forEach { line throws(QuarryError) in
      body(line)
      return true
    }
    if !isThere { detail.warnings.append("\(path) is named by a manifest and is not there") }
  }
}
