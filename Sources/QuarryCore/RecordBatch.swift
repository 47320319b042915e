/// What a stored line is.
package enum RecordKind: String, Sendable {
  case event
  case artifactEvent = "artifact_event"
  case artifactChunk = "artifact_chunk"
  case metrics
  case fleet
  case notificationPending = "notification_pending"
  case notificationDelivered = "notification_delivered"
  case notificationFailed = "notification_failed"

  /// One that a script emitted.
  var isEvent: Bool { self == .event || self == .artifactEvent }
}

/// Record lines of one run, ready to be stored: one group of lines for each `event_type` partition, in arrival order.
///
/// A line is one compact JSON object: `record_kind`, the partition keys, the policy, then the members that the
/// caller writes. Lines are encoded once, here, and written to the data file as they are.
package struct RecordBatch: Sendable {
  /// The lines of one `event_type` partition.
  package struct Group: Sendable {
    package let eventType: String
    package fileprivate(set) var lines: [UInt8]
    package fileprivate(set) var count: Int
    /// Events among them; the others are chunks, metrics and the fleet's own.
    package fileprivate(set) var eventCount: Int
    /// True while every line is an artifact chunk.
    package fileprivate(set) var chunksOnly: Bool
    fileprivate let tail: [UInt8]
    /// What every line of the kind last written begins with.
    fileprivate var prefix: [UInt8] = []
    fileprivate var prefixKind: RecordKind?
    /// Bytes that a line has besides the caller's members.
    fileprivate var overhead: Int { prefix.count + 2 }

    /// Appends one line; if `members` throws, nothing.
    fileprivate mutating func append<Failure: Error>(
      _ members: (inout [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
      let before = lines.count
      lines.append(contentsOf: prefix)
      do {
        try members(&lines)
      } catch {
        lines.removeSubrange(before...)
        throw error
      }
      lines.append(contentsOf: RecordBatch.closing)
    }

    /// Appends and counts one line whose end is there already.
    /// - Returns: false, and nothing is appended, when the line would reach the limit.
    fileprivate mutating func append(_ kind: RecordKind, end: UnsafeRawBufferPointer, head: [UInt8]) -> Bool {
      setPrefix(kind, head: head)
      guard prefix.count + end.count < RecordBatch.lineLimit else { return false }
      lines.append(contentsOf: prefix)
      lines.append(contentsOf: end)
      note(kind)
      return true
    }

    /// - Parameter head: of the batch.
    fileprivate mutating func setPrefix(_ kind: RecordKind, head: [UInt8]) {
      guard prefixKind != kind else { return }
      prefixKind = kind
      prefix = Array(#"{"record_kind":"\#(kind.rawValue)","#.utf8) + head + tail
    }

    /// Counts the last line.
    fileprivate mutating func note(_ kind: RecordKind) {
      count += 1
      if kind.isEvent { eventCount += 1 }
      chunksOnly = chunksOnly && kind == .artifactChunk
      if lines.count > RecordBatch.growth.from, lines.capacity < RecordBatch.growth.to {
        lines.reserveCapacity(RecordBatch.growth.to)
      }
    }
  }

  /// A line that was taken back, with its newline.
  package struct Line: Sendable {
    fileprivate let eventType: String
    fileprivate let bytes: [UInt8]
    fileprivate let kind: RecordKind
  }

  /// Where the last line lies.
  private struct Last: Sendable {
    let group: Int
    let start: Int
    let kind: RecordKind
    /// Its group held nothing but chunks before it.
    let followedChunks: Bool
  }

  /// No stored line reaches this many bytes, its newline included: other readers refuse such lines.
  package static let lineLimit = 10_485_760

  /// What every line ends with.
  package static let closing = [UInt8(ascii: "}"), UInt8(ascii: "\n")]

  /// Bytes of memory that an emptied group may keep: what `growth` gives it, and what the allocator adds to that.
  private static let keptCapacity = 5 << 20
  /// A group that is no longer small gets room for a usual flush at once: growing by doubling would touch each page of its
  /// memory twice, and what is never written costs nothing.
  fileprivate static let growth = (from: 32 << 10, to: 4 << 20)

  package let partition: RunPartition
  package private(set) var groups: [Group] = []
  package private(set) var recordCount = 0
  package private(set) var byteCount = 0
  package var eventCount: Int { groups.reduce(0) { $0 + $1.eventCount } }
  /// Events among them that commit an artifact.
  package var artifactCount: Int { groups.first { $0.eventType == "artifact" }?.eventCount ?? 0 }
  private var last: Last?
  private let head: [UInt8]
  private let trailer: [UInt8]

  /// - Parameters:
  ///   - policy: the policy's name, kept in every record of a run; nil for records that no policy has seen.
  ///   - task: what ties the run to its task in a fleet, kept in every record.
  package init(partition: RunPartition, policy: String?, task: TaskLineage? = nil) {
    self.partition = partition
    var head: [UInt8] = []
    JSONText.appendMember("source", partition.source, to: &head)
    JSONText.appendMember("category", partition.category, to: &head)
    JSONText.appendMember("day", partition.day, to: &head)
    JSONText.appendMember("run_id", partition.runID, to: &head)
    self.head = head
    var trailer: [UInt8] = []
    if let task {
      JSONText.appendMember("task_id", task.taskID, to: &trailer)
      JSONText.appendMember("epoch", task.epoch, to: &trailer)
      JSONText.appendMember("origin_run_id", task.originRunID, to: &trailer)
    }
    JSONText.appendMember("policy", policy, to: &trailer)
    self.trailer = trailer
  }

  package var isEmpty: Bool { recordCount == 0 }

  /// True when nothing but artifact chunks is in it.
  package var chunksOnly: Bool { groups.allSatisfy(\.chunksOnly) }

  /// Appends one line.
  /// - Parameters:
  ///   - members: appends the record's own members, each preceded by a comma where needed (`JSONText.appendMember`
  ///     does that). If it throws, the batch is as it was before.
  package mutating func append<Failure: Error>(
    _ kind: RecordKind, eventType: String, members: (inout [UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    let index = groupIndex(eventType)
    groups[index].setPrefix(kind, head: head)
    let before = groups[index].lines.count
    do {
      try groups[index].append(members)
    } catch {
      if groups[index].count == 0 { removeGroup(index) }
      throw error
    }
    note(from: before, in: index, kind: kind)
  }

  /// Appends one line of which all is there already but what lines of its kind and type begin with.
  /// - Parameter end: the members, each with a comma before it, and what closes the line (`closing`).
  /// - Returns: false, and nothing is appended, when the line would reach the limit.
  package mutating func append(_ kind: RecordKind, eventType: String, end: UnsafeRawBufferPointer) -> Bool {
    let index = groupIndex(eventType)
    let (before, followedChunks) = (groups[index].lines.count, groups[index].chunksOnly)
    guard groups[index].append(kind, end: end, head: head) else { return false }
    last = Last(group: index, start: before, kind: kind, followedChunks: followedChunks)
    recordCount += 1
    byteCount += groups[index].lines.count - before
    return true
  }

  /// Bytes of a line that are not the caller's members: what `append` writes around them.
  package mutating func overhead(_ kind: RecordKind, eventType: String) -> Int {
    let index = groupIndex(eventType)
    groups[index].setPrefix(kind, head: head)
    return groups[index].overhead
  }

  /// Takes back the line that was appended last; nil when it is gone already.
  package mutating func removeLast() -> Line? {
    guard let last = last.take() else { return nil }
    let bytes = Array(groups[last.group].lines[last.start...])
    groups[last.group].lines.removeSubrange(last.start...)
    groups[last.group].count -= 1
    if last.kind.isEvent { groups[last.group].eventCount -= 1 }
    groups[last.group].chunksOnly = last.followedChunks
    recordCount -= 1
    byteCount -= bytes.count
    return Line(eventType: groups[last.group].eventType, bytes: bytes, kind: last.kind)
  }

  /// Appends a line that was taken back from a batch of the same run.
  package mutating func append(_ line: Line) {
    let index = groupIndex(line.eventType)
    let before = groups[index].lines.count
    groups[index].lines.append(contentsOf: line.bytes)
    note(from: before, in: index, kind: line.kind)
  }

  /// Appends the lines of another batch of the same run.
  package mutating func append(contentsOf other: RecordBatch) {
    for group in other.groups where group.count > 0 {
      let index = groupIndex(group.eventType)
      groups[index].chunksOnly = groups[index].chunksOnly && group.chunksOnly
      groups[index].lines += group.lines
      groups[index].count += group.count
      groups[index].eventCount += group.eventCount
    }
    recount()
  }

  /// Forgets the lines, for the next batch of the same run. Memory of small groups is kept, that of large ones freed.
  package mutating func removeAll() {
    for index in groups.indices {
      groups[index].lines.removeAll(keepingCapacity: groups[index].lines.capacity <= Self.keptCapacity)
      groups[index].count = 0
      groups[index].eventCount = 0
      groups[index].chunksOnly = true
    }
    recordCount = 0
    byteCount = 0
    last = nil
  }

  /// Counts the line that begins at `before`.
  private mutating func note(from before: Int, in index: Int, kind: RecordKind) {
    last = Last(group: index, start: before, kind: kind, followedChunks: groups[index].chunksOnly)
    groups[index].note(kind)
    recordCount += 1
    byteCount += groups[index].lines.count - before
  }

  private mutating func removeGroup(_ index: Int) {
    groups.remove(at: index)
    last = nil
  }

  /// How far the lines of a batch reach, for `dropping`.
  package struct Mark: Sendable {
    fileprivate let groups: [String: (bytes: Int, count: Int, eventCount: Int)]
  }

  package var mark: Mark {
    Mark(
      groups: Dictionary(uniqueKeysWithValues: groups.map { ($0.eventType, ($0.lines.count, $0.count, $0.eventCount)) })
    )
  }

  /// Whether the lines of another batch are the first of their types in this one.
  package func begins(with other: RecordBatch) -> Bool {
    other.groups.allSatisfy { group in
      group.count == 0 || groups.contains { $0.eventType == group.eventType && $0.lines.starts(with: group.lines) }
    }
  }

  /// What was appended after the mark was taken.
  /// - Parameter mark: of this batch, or of one that it was copied from.
  package func dropping(_ mark: Mark) -> RecordBatch {
    var batch = self
    for index in batch.groups.indices {
      guard let past = mark.groups[groups[index].eventType], past.bytes <= groups[index].lines.count else { continue }
      batch.groups[index].lines.removeFirst(past.bytes)
      batch.groups[index].count -= past.count
      batch.groups[index].eventCount -= past.eventCount
      // Of artifacts there are chunks and events; of other types nothing is a chunk.
      let isOfArtifacts = groups[index].eventType == "artifact"
      batch.groups[index].chunksOnly = isOfArtifacts && batch.groups[index].eventCount == 0
    }
    batch.groups.removeAll { $0.count == 0 }
    batch.recount()
    return batch
  }

  /// The same batch with the lines of some event types alone. Copies no line.
  package func keeping(eventTypes: Set<String>) -> RecordBatch {
    var batch = self
    batch.groups.removeAll { !eventTypes.contains($0.eventType) }
    batch.recount()
    return batch
  }

  private mutating func recount() {
    recordCount = groups.reduce(0) { $0 + $1.count }
    byteCount = groups.reduce(0) { $0 + $1.lines.count }
    last = nil
  }

  private mutating func groupIndex(_ eventType: String) -> Int {
    // Most lines have the type of the one before.
    if let last, groups[last.group].eventType == eventType { return last.group }
    if let index = groups.firstIndex(where: { $0.eventType == eventType }) { return index }
    var tail: [UInt8] = [UInt8(ascii: ",")]
    JSONText.append("event_type", to: &tail)
    tail.append(UInt8(ascii: ":"))
    JSONText.append(eventType, to: &tail)
    if !trailer.isEmpty {
      tail.append(UInt8(ascii: ","))
      tail += trailer
    }
    groups.append(Group(eventType: eventType, lines: [], count: 0, eventCount: 0, chunksOnly: true, tail: tail))
    return groups.count - 1
  }
}
