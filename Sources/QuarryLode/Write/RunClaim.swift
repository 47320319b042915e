import QuarryCore

/// The right to write a run of an id that a person chose, held while the run goes on.
///
/// The name `.quarry/claims/<run id>` keeps two processes from starting it at the same moment. What was stored under the
/// id keeps it taken for all time.
package final class RunClaim: Sendable {
  let runID: String
  private let root: String
  private let claim: any StoreClaim

  init(runID: String, layout: DatasetLayout, store: any WritableStore) throws(QuarryError) {
    let path = "\(layout.claims)/\(RunPartition.escape(runID))"
    let held = try layout.described { () throws(FileFailure) in try store.claim(path) }
    guard let held else {
      let holder = try layout.described { () throws(FileFailure) in try store.holder(ofClaim: path) }
      let remedy = ["choose another --run-id", holder.remedy].compactMap(\.self).joined(separator: "; ")
      throw QuarryError(.usage, "run id '\(runID)' is running now in \(holder.who)", remedy: remedy)
    }
    self.runID = runID
    root = layout.root
    claim = held
    let existing = try layout.described { () throws(FileFailure) in
      try RunFinder(layout: layout).find(runID: runID).first
    }
    guard let existing else { return }
    release()
    throw QuarryError(
      .usage, "run id '\(runID)' is taken: \(layout.partitions)/\(existing.path)", remedy: "choose another --run-id")
  }

  /// Comes before anything is written under the id, and before that becomes visible.
  /// - Throws: `QuarryError(.storage)` when it is not this process' any more, or when that is to be asked and cannot be.
  func check() throws(QuarryError) {
    let isHeld: Bool
    do throws(FileFailure) { isHeld = try claim.isHeld() } catch {
      let cause = error.described(root: root)
      throw QuarryError(
        .storage, "whether run id '\(runID)' is still this process' could not be asked: \(cause.message)",
        remedy: cause.remedy)
    }
    guard !isHeld else { return }
    throw QuarryError(
      .storage, "run id '\(runID)' was free for another process while this one stood still: nothing more is written",
      remedy: "run it again under another --run-id")
  }

  /// Gives the id free for the next process, which then finds what this one stored. May be called again.
  package func release() { claim.release() }

  deinit { release() }
}
