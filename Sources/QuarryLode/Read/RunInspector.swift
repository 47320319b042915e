import QuarryCore

/// Reads runs from their partitions: folders and manifests first, single lines where these do not answer.
struct RunInspector {
  private static let identityMembers: Set<String> = [
    "ts", "job_id", "attempt", "parent_run_id", "depth", "policy", "task_id", "epoch", "origin_run_id",
  ]
  private static let outcomeMembers: Set<String> = [
    "ts", "runs_completed_total", "runs_failed_total", "runs_crashed_total",
  ]

  var reader: PartitionReader

  /// Data files that could not be read, and what is wrong with them.
  private var damages: [String] = []

  var warnings: [String] { reader.chain.warnings + damages }

  init(reader: PartitionReader) { self.reader = reader }

  /// The snapshots of a run, by partition; see `PartitionReader.snapshots`.
  struct Index {
    var partitions: [(type: String, partition: String, ids: [SnapshotID])] = []
    var ids: [SnapshotID] { Array(Set(partitions.flatMap(\.ids))).sorted() }
    var first: SnapshotID? { partitions.compactMap(\.ids.first).min() }
    var last: SnapshotID? { partitions.compactMap(\.ids.last).max() }
    func ids(of type: String) -> [SnapshotID] { partitions.first { $0.type == type }?.ids ?? [] }
  }

  func index(of run: RunPath) throws(QuarryError) -> Index {
    try reader.layout.described { () throws(FileFailure) in
      var index = Index()
      for (type, partition) in try reader.eventTypes(of: run) {
        index.partitions.append((type, partition, try reader.snapshots(of: partition)))
      }
      return index
    }
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
      let isTold = readIdentity(from: manifest, into: &found)
      summary = found
      // Chunks of an artifact may come before the first event, and say nothing of where the run comes from.
      if isTold { break }
    }
    if let last = index.last { summary?.lastSnapshot = last }
    return summary
  }

  /// The newest record of a type that is written once a run, whole; nil while there is none, and where it is damaged.
  mutating func record(_ type: String, of run: RunPath) throws(QuarryError) -> JSONValue? {
    let partition = "\(run.path)/event_type=\(type)"
    let ids = try reader.layout.described { () throws(FileFailure) in try reader.snapshots(of: partition) }
    guard let line = try lastLine(of: type, ids: ids, run), !line.isEmpty else { return nil }
    do { return try JSONParser.parse(line) } catch {
      damages.append("the record in \(reader.layout.partitions)/\(partition) is passed over: \(error)")
      return nil
    }
  }

  mutating func manifest(_ id: SnapshotID) throws(QuarryError) -> Manifest? {
    do { return try reader.manifest(id) } catch { throw error.described(root: reader.layout.root) }
  }

  /// The snapshot before this one; nil at the start of the chain.
  mutating func parent(of manifest: Manifest) throws(QuarryError) -> Manifest? {
    do { return try reader.chain.parent(of: manifest) } catch { throw error.described(root: reader.layout.root) }
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

  /// The first line of each file; the earliest tells where the run comes from.
  /// - Returns: false when none bears a time.
  private mutating func readIdentity(from manifest: Manifest, into summary: inout RunSummary) -> Bool {
    var earliest: [String: JSONValue] = [:]
    for (_, file) in files(of: summary.path, in: manifest) {
      let members = firstLine(of: file, Self.identityMembers)
      let isEarlier =
        switch (Self.time(members), Self.time(earliest)) {
        case (let time?, let best?): time < best
        case (_?, nil): true
        case (nil, _): earliest.isEmpty
        }
      if isEarlier { earliest = members }
    }
    summary.startedAt = Self.time(earliest) ?? summary.startedAt ?? Timestamp(manifest.createdAt)
    summary.jobID = earliest["job_id"]?.string
    summary.attempt = earliest["attempt"]?.integer
    summary.parentRunID = earliest["parent_run_id"]?.string
    summary.depth = earliest["depth"]?.integer
    summary.policy = earliest["policy"]?.string
    summary.taskID = earliest["task_id"]?.string
    summary.epoch = earliest["epoch"]?.integer
    summary.originRunID = earliest["origin_run_id"]?.string
    return Self.time(earliest) != nil
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
      guard let manifest = try manifest(id), let found = files(of: run, in: manifest).first(where: { $0.type == type })
      else { continue }
      return line(of: found.file) { lines throws(QuarryError) in try lines.first() } ?? []
    }
    return nil
  }

  /// Time of the last event, as far as the last snapshot of each type tells. Chunks of artifacts bear none.
  private mutating func lastEventTime(index: Index, _ run: RunPath) throws(QuarryError) -> Timestamp? {
    var last: Timestamp?
    for (type, _, ids) in index.partitions where type != "metrics" && type != "artifact" {
      guard let id = ids.last, let manifest = try manifest(id) else { continue }
      for found in files(of: run, in: manifest) where found.type == type {
        guard let line = line(of: found.file, { lines throws(QuarryError) in try lines.last() }) else { continue }
        let time = line.withUnsafeBytes { Self.time(RecordMembers.read(["ts"], from: $0)) }
        last = [last, time].compactMap(\.self).max()
      }
    }
    return last
  }

  private mutating func firstLine(of file: Manifest.File, _ members: Set<String>) -> [String: JSONValue] {
    guard let line = line(of: file, { lines throws(QuarryError) in try lines.first() }) else { return [:] }
    return line.withUnsafeBytes { RecordMembers.read(members, from: $0) }
  }

  /// Nil also where the file cannot be read, which is noted.
  private mutating func line(
    of file: Manifest.File, _ choose: (RecordLines) throws(QuarryError) -> [UInt8]?
  ) -> [UInt8]? {
    do throws(QuarryError) {
      return try choose(RecordLines(reader.layout.store, reader.layout.path(of: file.path)))
    } catch {
      if !damages.contains(error.message) { damages.append(error.message) }
      return nil
    }
  }

  private static func time(_ members: [String: JSONValue]) -> Timestamp? {
    members["ts"]?.string.flatMap { Timestamp($0) }
  }
}
