import QuarryCore

/// Reads runs from their partitions: folders and manifests first, single lines where these do not answer.
struct RunInspector {
  private static let identityMembers: Set<String> = [
    "ts", "seq", "job_id", "attempt", "parent_run_id", "depth", "policy", "task_id", "epoch", "origin_run_id",
  ]
  /// Types of records that are no events: they say nothing of when a run began.
  private static let otherTypes: Set<String> = ["metrics", LodeOutbox.eventType]
  private static let outcomeMembers: Set<String> = [
    "ts", "runs_completed_total", "runs_failed_total", "runs_crashed_total",
  ]

  var reader: PartitionReader

  /// Data files that could not be read, and what is wrong with them.
  private var damages: [String] = []

  var warnings: [String] { reader.gaps + reader.chain.warnings + damages }

  init(reader: PartitionReader) { self.reader = reader }

  /// The snapshots of a run, by partition; see `PartitionReader.snapshots`.
  struct Index {
    var partitions: [(type: String, partition: String, ids: [SnapshotID])] = []
    var ids: [SnapshotID] { Array(Set(partitions.flatMap(\.ids))).sorted() }
    var first: SnapshotID? { partitions.compactMap(\.ids.first).min() }
    func ids(of type: String) -> [SnapshotID] { partitions.first { $0.type == type }?.ids ?? [] }
  }

  /// Without what may not be looked at, which is noted.
  mutating func index(of run: RunPath) throws(QuarryError) -> Index {
    var index = Index()
    let types = try forgiving([]) { reader throws(FileFailure) in try reader.eventTypes(of: run) }
    for (type, partition) in types {
      index.partitions.append((type, partition, try snapshots(of: partition)))
    }
    return index
  }

  private mutating func snapshots(of partition: String) throws(QuarryError) -> [SnapshotID] {
    try forgiving([]) { reader throws(FileFailure) in try reader.snapshots(of: partition) }
  }

  /// A file or folder that may not be looked at is noted; what has to do with the store as a whole is an error.
  mutating func forgiving<Value>(
    _ instead: Value, _ work: (PartitionReader) throws(FileFailure) -> Value
  ) throws(QuarryError) -> Value {
    do { return try work(reader) } catch {
      let described = error.described(reader.layout)
      guard error.isLocal else { throw described }
      note(described.message)
      return instead
    }
  }

  private mutating func note(_ damage: String) {
    if !damages.contains(damage) { damages.append(damage) }
  }

  /// Nil when no snapshot on the chain holds records of the run.
  mutating func summary(of run: RunPath, index: Index) throws(QuarryError) -> RunSummary? {
    guard var summary = try beginning(of: run, index: index) else { return nil }
    try readEnd(index: index, into: &summary)
    return summary
  }

  /// The summary without the run's state and end; nil when no snapshot on the chain holds records of the run.
  mutating func beginning(of run: RunPath, index: Index) throws(QuarryError) -> RunSummary? {
    var summary: RunSummary?
    for id in index.ids {
      guard let manifest = try manifest(id) else { continue }
      var found = summary ?? RunSummary(path: run, firstSnapshot: id)
      let isTold = try readIdentity(from: manifest, into: &found)
      summary = found
      // Chunks of an artifact may come before the first event, and say nothing of where the run comes from.
      if isTold { break }
    }
    if let last = try lastSnapshot(of: index) { summary?.lastSnapshot = last }
    return summary
  }

  /// What a repair has put back stands where it was: that says nothing of a writer.
  private mutating func lastSnapshot(of index: Index) throws(QuarryError) -> SnapshotID? {
    var last: SnapshotID?
    for id in index.ids.reversed() where last.map({ $0 < id }) ?? true {
      if let order = try manifest(id)?.order { last = [last, order].compactMap(\.self).max() }
    }
    return last
  }

  /// The newest record of a type that is written once a run, whole; nil while there is none, and where it is damaged.
  mutating func record(_ type: String, of run: RunPath) throws(QuarryError) -> JSONValue? {
    let partition = "\(run.path)/event_type=\(type)"
    let ids = try snapshots(of: partition)
    guard let line = try lastLine(of: type, ids: ids, run), !line.isEmpty else { return nil }
    do { return try JSONParser.parse(line) } catch {
      damages.append("the record in \(reader.layout.partitions)/\(partition) is passed over: \(error)")
      return nil
    }
  }

  mutating func manifest(_ id: SnapshotID) throws(QuarryError) -> Manifest? {
    do { return try reader.manifest(id) } catch { throw error.described(reader.layout) }
  }

  /// The snapshot before this one; nil at the start of the chain.
  mutating func parent(of manifest: Manifest) throws(QuarryError) -> Manifest? {
    do { return try reader.chain.parent(of: manifest) } catch { throw error.described(reader.layout) }
  }

  /// Files of a manifest that belong to the run, with their event type.
  func files(of run: RunPath, in manifest: Manifest) -> [(type: String, file: Manifest.File)] {
    manifest.files.compactMap { file in
      guard let partition = reader.layout.partition(ofDataKey: file.path), partition.hasPrefix("\(run.path)/"),
        let type = RunPath.eventType(partition)
      else { return nil }
      return (type, file)
    }
  }

  /// None of a snapshot that this version cannot read, which is noted.
  private mutating func readableFiles(
    of run: RunPath, in manifest: Manifest
  ) -> [(type: String, file: Manifest.File)] {
    guard let problem = manifest.unknownFormat else { return files(of: run, in: manifest) }
    note("snapshot \(manifest.id) is passed over: \(problem)")
    return []
  }

  /// The snapshot's first event tells where the run comes from and when it began; where there is none, any other record
  /// tells the former.
  /// - Returns: false when it holds no event.
  private mutating func readIdentity(from manifest: Manifest, into summary: inout RunSummary) throws(QuarryError)
    -> Bool
  {
    let files = readableFiles(of: summary.path, in: manifest)
    var event: [String: JSONValue]?
    for (type, file) in files where type != "artifact" && !Self.otherTypes.contains(type) {
      guard let found = try firstRecord(of: file) else { continue }
      event = event.map { Self.isEarlier(found, than: $0) ? found : $0 } ?? found
    }
    // Commits come after the chunks of their artifacts, so they are looked for only where they may be the first.
    if event?["seq"]?.integer != 1,
      let artifacts = files.first(where: { $0.type == "artifact" }), let found = try firstCommit(in: artifacts.file)
    {
      event = event.map { Self.isEarlier(found, than: $0) ? found : $0 } ?? found
    }
    var other: [String: JSONValue]?
    if event == nil, let found = files.first(where: { Self.otherTypes.contains($0.type) }) {
      other = try firstRecord(of: found.file)
    }
    guard let told = event ?? other else { return false }
    summary.startedAt = event.flatMap(Self.time)
    summary.jobID = told["job_id"]?.string
    summary.attempt = told["attempt"]?.integer
    summary.parentRunID = told["parent_run_id"]?.string
    summary.depth = told["depth"]?.integer
    summary.policy = told["policy"]?.string
    summary.taskID = told["task_id"]?.string
    summary.epoch = told["epoch"]?.integer
    summary.originRunID = told["origin_run_id"]?.string
    return event != nil
  }

  /// By their sequence; other writers may leave it out.
  private static func isEarlier(_ event: [String: JSONValue], than other: [String: JSONValue]) -> Bool {
    if let seq = event["seq"]?.integer, let next = other["seq"]?.integer { return seq < next }
    guard let time = time(event) else { return false }
    return Self.time(other).map { time < $0 } ?? true
  }

  private mutating func readEnd(index: Index, into summary: inout RunSummary) throws(QuarryError) {
    let complete = try lastRecord(of: "run_complete", index: index, summary.path)
    let error = try lastRecord(of: "run_error", index: index, summary.path)
    let metrics = try lastRecord(of: "metrics", index: index, summary.path)
    summary.endedAt = (complete ?? error).flatMap(Self.time)
    // Metrics are stamped in whole seconds, so an event may seem to come after them.
    if summary.endedAt == nil, let stamped = metrics.flatMap(Self.time) {
      summary.endedAt = max(stamped, try lastEventTime(index: index, summary.path) ?? stamped)
    }
    if let metrics, let completed = metrics["runs_completed_total"]?.integer {
      summary.state = completed > 0 ? .succeeded : .failed
    } else if complete != nil {
      summary.state = .succeeded
    } else if error != nil || metrics != nil {
      summary.state = .failed
    }
  }

  /// Members of the newest record of a type that is written once a run; nil when none is stored.
  private mutating func lastRecord(
    of type: String, index: Index, _ run: RunPath
  ) throws(QuarryError) -> [String: JSONValue]? {
    try lastLine(of: type, ids: index.ids(of: type), run).map { line in
      line.withUnsafeBytes { RecordMembers.read(Self.outcomeMembers, from: $0) }
    }
  }

  /// The line of such a record; empty where its file holds none.
  private mutating func lastLine(of type: String, ids: [SnapshotID], _ run: RunPath) throws(QuarryError) -> [UInt8]? {
    for id in ids.reversed() {
      guard let manifest = try manifest(id),
        let found = readableFiles(of: run, in: manifest).first(where: { $0.type == type })
      else { continue }
      return try line(of: found.file) { lines throws(FileFailure) in try lines.first() } ?? []
    }
    return nil
  }

  /// Time of the last event, as far as the last snapshot of each type tells. Chunks of artifacts bear none.
  private mutating func lastEventTime(index: Index, _ run: RunPath) throws(QuarryError) -> Timestamp? {
    var last: Timestamp?
    for (type, _, ids) in index.partitions where type != "metrics" && type != "artifact" {
      guard let id = ids.last, let manifest = try manifest(id) else { continue }
      for found in readableFiles(of: run, in: manifest) where found.type == type {
        guard let line = try line(of: found.file, { lines throws(FileFailure) in try lines.last() }) else { continue }
        let time = line.withUnsafeBytes { Self.time(RecordMembers.read(["ts"], from: $0)) }
        last = [last, time].compactMap(\.self).max()
      }
    }
    return last
  }

  private mutating func firstRecord(of file: Manifest.File) throws(QuarryError) -> [String: JSONValue]? {
    try line(of: file) { lines throws(FileFailure) in try lines.first() }.map(Self.identity)
  }

  /// The first commit of an artifact, behind the chunks before it.
  private mutating func firstCommit(in file: Manifest.File) throws(QuarryError) -> [String: JSONValue]? {
    try line(of: file) { lines throws(FileFailure) in
      try lines.first { line in
        RecordMembers.read(["record_kind"], from: line)["record_kind"]?.string != RecordKind.artifactChunk.rawValue
      }
    }.map(Self.identity)
  }

  private static func identity(_ line: [UInt8]) -> [String: JSONValue] {
    line.withUnsafeBytes { RecordMembers.read(identityMembers, from: $0) }
  }

  /// Nil also where the file is gone, empty or cannot be read. That is noted, and a size that is not its manifest's.
  private mutating func line(
    of file: Manifest.File, _ choose: (RecordLines) throws(FileFailure) -> [UInt8]?
  ) throws(QuarryError) -> [UInt8]? {
    let path = reader.layout.path(of: file.path)
    var size: Int64?
    var line: [UInt8]?
    do throws(FileFailure) {
      line = try choose(RecordLines(reader.layout.store, path, found: { size = $0 }))
      if size == nil { note(CheckedLines.isGone(path)) }
      let checked = CheckedLines(layout: reader.layout, file: file)
      if let wrongSize = size.flatMap(checked.wrongSize) { note(wrongSize) }
    } catch {
      guard reader.layout.isOfOneFile(error) else { throw error.described(reader.layout) }
      note(error.sentence(reader.layout))
    }
    return line
  }

  private static func time(_ members: [String: JSONValue]) -> Timestamp? {
    members["ts"]?.string.flatMap { Timestamp($0) }
  }
}
