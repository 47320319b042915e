import QuarryCore
import Synchronization

/// Where one run's records and files go. Runs of one dataset object share commits.
package final class LodeRunSink: EventSink {
  package let partition: RunPartition
  private let segments: SegmentWriter
  private let sidecars: SidecarWriter
  private let committer: GroupCommit
  private let presence: DatasetPresence
  /// Written, and not yet listed by a snapshot.
  private let pending = Mutex<[SidecarFile]>([])

  init(
    partition: RunPartition, segments: SegmentWriter, sidecars: SidecarWriter, committer: GroupCommit,
    presence: DatasetPresence
  ) {
    self.partition = partition
    self.segments = segments
    self.sidecars = sidecars
    self.committer = committer
    self.presence = presence
  }

  /// See `EventSink`. The one exception to «none of it is visible»: when the disk fails at the very last step, after
  /// the pointer moved, the error says so.
  package func write(_ batch: RecordBatch) throws(QuarryError) {
    guard !batch.isEmpty else { return }
    try presence.check()
    let listed = batch.chunksOnly ? [] : takePending()
    do throws(QuarryError) {
      try commit(batch, listing: listed)
    } catch {
      pending.withLock { $0.insert(contentsOf: listed, at: 0) }
      throw error
    }
  }

  package func putFile(name: String, contentType: String, data: UnsafeRawBufferPointer) throws(QuarryError) {
    try presence.check()
    let file = try sidecars.put(partition, name: name, contentType: contentType, data: data)
    pending.withLock { $0.append(file) }
  }

  private func takePending() -> [SidecarFile] {
    pending.withLock { pending in
      defer { pending = [] }
      return pending
    }
  }

  private func commit(_ batch: RecordBatch, listing files: [SidecarFile]) throws(QuarryError) {
    let layout = segments.layout
    var written = try layout.described { () throws(FileFailure) in
      try segments.write(batch, id: committer.dataID())
    }
    written.sidecars = files
    written.isBestEffort = files.isEmpty && batch.groups.allSatisfy { $0.count == 0 || $0.eventType == "metrics" }
    do throws(GroupCommit.Failure) {
      try committer.commit(written)
    } catch {
      if error.isVisible {
        throw QuarryError(.storage, "\(error.error.message) (the records are visible, but may be lost with power)")
      }
      segments.discard(written)
      throw error.error
    }
  }
}
