import QuarryCore
import QuarryWire

extension StreamIngestion {
  /// An item before the terminal event: what follows is `take(_:frameLength:)` for it.
  func take(_ item: ItemTranscoder.Item, frameLength: Int) throws(IngestionFailure) {
    try order.admit(seq: item.seq)
    counts.eventsReceived += 1
    try policy.append(estimate: RecordEncoder.eventEstimate(frameLength), .event) {
      batch throws(IngestionFailure) in try RecordEncoder.item(item, into: &batch)
    }
    counts.items += 1
  }

  func take(_ event: EventEnvelope, frameLength: Int) throws(IngestionFailure) {
    try order.admit(runID: event.runID, attempt: event.attempt, seq: event.seq)
    counts.eventsReceived += 1
    if event.type.isTerminal, terminal != nil {
      return onNote("event \(event.seq) is a second terminal event (\(event.type.name)); it is ignored")
    }
    if terminal != nil { onNote("event \(event.seq) (\(event.type.name)) follows the terminal event") }
    switch event.type {
    case .artifact: return try takeArtifact(event, frameLength: frameLength)
    case .enqueue: try derive(event)
    case .log: log(event)
    case .rotateProxy: rotate(RotationWish(event.payload))
    case .other(let name): try validateType(name)
    default: break
    }
    var kind = RecordClass.event
    if event.type.isTerminal { kind = .terminal }
    if event.type.isDroppable { kind = .droppable(event.type.name) }
    try policy.append(estimate: RecordEncoder.eventEstimate(frameLength), kind) {
      batch throws(IngestionFailure) in try RecordEncoder.event(event, frameLength: frameLength, into: &batch)
    }
    if event.type == .item { counts.items += 1 }
    if event.type.isTerminal { try end(with: event) }
  }

  private func takeArtifact(_ event: EventEnvelope, frameLength: Int) throws(IngestionFailure) {
    let commit = try ArtifactCommit(event.payload)
    try assembly.commit(commit)
    try policy.append(estimate: RecordEncoder.eventEstimate(frameLength), .event) {
      batch throws(IngestionFailure) in try RecordEncoder.artifactCommit(event, commit, into: &batch)
    }
  }

  /// A chunk above 4 MiB becomes several records, so that each line stays below the limit of other readers.
  func take(_ chunk: ArtifactChunkFrame) throws(IngestionFailure) {
    let place = try assembly.add(chunk)
    let count = ArtifactAssembly.recordCount(chunk.data.count)
    for index in 0..<count {
      let start = index * ArtifactAssembly.recordDataLength
      let piece = UnsafeRawBufferPointer(
        rebasing: chunk.data[start..<min(chunk.data.count, start + ArtifactAssembly.recordDataLength)])
      let estimate = RecordEncoder.chunkEstimate(chunk.artifactID, piece)
      try policy.append(estimate: estimate, .chunk) { batch throws(IngestionFailure) in
        try RecordEncoder.artifactChunk(
          chunk.artifactID, seq: place.firstRecordSeq + Int64(index), isLast: chunk.isLast && index == count - 1,
          offset: place.offset + Int64(start), data: piece, isChecksummed: checksumsChunks, into: &batch)
      }
    }
  }

  /// Before the policy sees the event: work does not wait for a buffer.
  private func derive(_ event: EventEnvelope) throws(IngestionFailure) {
    guard let derived else { return }
    let work: DerivedWork
    do throws(WireError) {
      work = try DerivedWorkReader.work(index: derivedCount, from: event.payload)
    } catch {
      counts.enqueuesRejected += 1
      return onNote("event \(event.seq) (enqueue) derives no work: \(error.message)")
    }
    do throws(QuarryError) { try derived.accept(work) } catch {
      throw IngestionFailure(error.kind == .usage ? .unusableWork : .derivedWork, error)
    }
    derivedCount += 1
  }

  /// Before the policy sees the event: others are not to be given the same proxy meanwhile.
  private func rotate(_ wish: RotationWish) {
    if rotation == nil { onRotation(wish) }
    rotation = wish
  }

  private func log(_ event: EventEnvelope) {
    // A log without a level or a message is stored as it is, and nothing is shown of it.
    guard let onLog,
      let level = try? WireField("level", WireMap.value(of: "level", in: event.payload)).text(),
      let message = try? WireField("message", WireMap.value(of: "message", in: event.payload)).text()
    else { return }
    onLog(level.string, message.string)
  }

  /// The type of an event names a partition.
  private func validateType(_ name: String) throws(IngestionFailure) {
    do throws(QuarryError) { try RunPartition.validate(name, as: "an event's type") } catch {
      throw IngestionFailure(.stream, error)
    }
  }

  private func end(with event: EventEnvelope) throws(IngestionFailure) {
    do throws(WireError) {
      terminal = try TerminalEvent(event)
    } catch {
      throw IngestionFailure(error, in: "event \(event.seq)")
    }
  }
}
