import QuarryCore
import Synchronization

/// Where one run's records and files go. Runs of one dataset object share commits.
package final class LodeRunSink: EventSink {
  package let partition: RunPartition
  /// Of a run whose id a person chose.
  private let claim: RunClaim?
  private let segments: SegmentWriter
  private let sidecars: SidecarWriter
  private let committer: GroupCommit
  private let presence: DatasetPresence
  private let places: StoredPlaces
  private let durability: Durability
  private let patience: Duration
  private struct Pending {
    /// Written, and not yet listed by a snapshot.
    var files: [SidecarFile] = []
    /// Before the oldest of them was written.
    var since: Timestamp?
    /// Writes that are about to list some.
    var writes = 0
    /// As long as there are such files, or writes.
    var hold: FolderHold?

    mutating func take() -> [SidecarFile] {
      defer { files = [] }
      if !files.isEmpty { writes += 1 }
      return files
    }

    /// - Parameter unlisted: those of the taken that are still to be listed.
    mutating func end(_ taken: [SidecarFile], unlisted: [SidecarFile] = []) {
      if !taken.isEmpty { writes -= 1 }
      files.insert(contentsOf: unlisted, at: 0)
      if files.isEmpty && writes == 0 { (hold, since) = (nil, nil) }
    }

    /// Those of a batch that turned out not to be visible, though they had passed for listed.
    mutating func takeBack(_ written: WrittenBatch) {
      files.insert(contentsOf: written.sidecars, at: 0)
      since = [since, written.sidecarsSince].compactMap(\.self).min()
    }
  }
  private let pending = Mutex(Pending())
  /// A batch that is visible and whose durability is in doubt, or that may be visible: its lines come again, in front of
  /// others.
  private struct Doubtful {
    let batch: RecordBatch
    var folders: [String] = []
    var unsettled: Unsettled?
  }
  /// Where nobody could be asked whether a batch is visible.
  private struct Unsettled {
    let commit: UnsettledCommit
    let written: WrittenBatch
  }
  private let doubtful = Mutex<Doubtful?>(nil)
  /// A commit has waited its whole time in vain, and none was done since: the run's last ones shall not take as long again.
  private let isLate = Mutex(false)

  init(
    partition: RunPartition, claim: RunClaim?, segments: SegmentWriter, sidecars: SidecarWriter, committer: GroupCommit,
    presence: DatasetPresence, durability: Durability, patience: Duration
  ) {
    self.partition = partition
    self.claim = claim
    self.segments = segments
    self.sidecars = sidecars
    self.committer = committer
    self.presence = presence
    places = StoredPlaces(layout: segments.layout, run: partition)
    self.durability = durability
    self.patience = patience
  }

  /// See `EventSink`. The one exception to «none of it is visible»: when the disk fails at the very last step, after
  /// the pointer moved, the error says so.
  package func write(_ batch: RecordBatch) throws(QuarryError) {
    guard !batch.isEmpty else { return }
    try check()
    do throws(QuarryError) { try writeUnchecked(batch) } catch {
      // What was moved or removed meanwhile is the reason of what it made fail.
      if segments.layout.isOnDisk { try checkPlaces() }
      throw error
    }
  }

  private func writeUnchecked(_ batch: RecordBatch) throws(QuarryError) {
    let rest = try lacking(of: batch)
    if !rest.isEmpty { try store(rest, of: batch) }
    if rest.recordCount < batch.recordCount { doubtful.withLock { $0 = nil } }
  }

  package var isInDoubt: Bool { doubtful.withLock { $0 != nil } }

  /// What of a batch is not visible yet; the rest of it is durable by then.
  private func lacking(of batch: RecordBatch) throws(QuarryError) -> RecordBatch {
    guard let known = doubtful.withLock({ $0 }), batch.begins(with: known.batch) else { return batch }
    if let unsettled = known.unsettled, try !isVisible(unsettled) {
      doubtful.withLock { $0 = nil }
      return batch
    }
    do throws(QuarryError) { try committer.makeDurable(known.folders) } catch { throw Self.inDoubt(error) }
    return batch.dropping(known.batch.mark)
  }

  private func isVisible(_ unsettled: Unsettled) throws(QuarryError) -> Bool {
    let isVisible = try segments.layout.described { () throws(FileFailure) in try unsettled.commit.isVisible() }
    if !isVisible {
      segments.discard(unsettled.written)
      pending.withLock { $0.takeBack(unsettled.written) }
    }
    return isVisible
  }

  /// - Parameter batch: begins with what is visible already.
  private func store(_ rest: RecordBatch, of batch: RecordBatch) throws(QuarryError) {
    let listed = rest.chunksOnly ? [] : pending.withLock { $0.take() }
    do throws(CommitFailure) {
      try commit(rest, listing: listed)
    } catch {
      if let folders = error.folders {
        doubtful.withLock { $0 = Doubtful(batch: batch, folders: folders) }
        pending.withLock { $0.end(listed) }
        throw Self.inDoubt(error.error)
      }
      if let unsettled = error.unsettled {
        doubtful.withLock { $0 = Doubtful(batch: batch, unsettled: unsettled) }
        pending.withLock { $0.end(listed) }
        throw error.error
      }
      pending.withLock { $0.end(listed, unlisted: listed) }
      throw error.error
    }
    pending.withLock { $0.end(listed) }
  }

  private struct CommitFailure: Error {
    let error: QuarryError
    /// Whose entries may not be durable, where all is visible.
    var folders: [String]?
    /// Where nobody knows whether all is.
    var unsettled: Unsettled?
  }

  private static func inDoubt(_ error: QuarryError) -> QuarryError {
    QuarryError(
      .storage, "\(error.message) (the records are visible, but may be lost with power)", remedy: error.remedy)
  }

  package func putFile(name: String, contentType: String, data: UnsafeRawBufferPointer) throws(QuarryError) {
    try check()
    let now = Timestamp.now()
    let file = try sidecars.put(partition, name: name, contentType: contentType, data: data)
    let folder = FileSystem.parent(of: segments.layout.path(of: file.path)) ?? segments.layout.root
    do throws(FileFailure) {
      try pending.withLock { pending throws(FileFailure) in
        if pending.hold == nil { pending.hold = try sidecars.store.hold(folder) }
        pending.since = pending.since ?? now
        pending.files.append(file)
      }
    } catch {
      sidecars.discard(file)
      throw error.described(segments.layout)
    }
  }

  /// Whether the dataset and the run's id are still this process' to write to.
  private func check() throws(QuarryError) {
    try checkPlaces()
    try claim?.check()
  }

  private func checkPlaces() throws(QuarryError) {
    try places.check()
    try presence.check()
  }

  private func commit(_ batch: RecordBatch, listing files: [SidecarFile]) throws(CommitFailure) {
    let layout = segments.layout
    var written: WrittenBatch
    do throws(FileFailure) { written = try segments.write(batch, id: committer.dataID()) } catch {
      throw CommitFailure(error: error.described(layout))
    }
    written.claim = claim
    written.sidecars = files
    written.sidecarsSince = pending.withLock { $0.since }
    // Before it is this process' turn to publish, so that nobody else waits for it.
    do throws(FileFailure) { try segments.store.settle(written.keys.map(layout.path), durability) } catch {
      segments.discard(written)
      throw CommitFailure(error: error.described(layout))
    }
    do throws(GroupCommit.Failure) {
      try committer.commit(written, patience: isLate.withLock { $0 } ? patience : nil)
      isLate.withLock { $0 = false }
      places.note(written)
    } catch {
      if error.isLate { isLate.withLock { $0 = true } }
      switch error.visibility {
      case .none: segments.discard(written)
      case .sure(let folders):
        places.note(written)
        throw CommitFailure(error: error.error, folders: folders)
      // Its data must stay, since a snapshot may name it.
      case .unknown(let commit):
        throw CommitFailure(error: error.error, unsettled: Unsettled(commit: commit, written: written))
      }
      throw CommitFailure(error: error.error)
    }
  }
}
