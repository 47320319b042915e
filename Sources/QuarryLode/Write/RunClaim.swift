import QuarryCore

/// The right to write a run of an id that a person chose, held while the run goes on.
///
/// The name `.quarry/claims/<run id>` keeps two processes from starting it at the same moment. What was stored under the
/// id keeps it taken for all time.
package final class RunClaim: Sendable {
  private let claim: any StoreClaim

  init(runID: String, layout: DatasetLayout, store: any WritableStore) throws(QuarryError) {
    let path = "\(layout.claims)/\(RunPartition.escape(runID))"
    let held = try layout.described { () throws(FileFailure) in try store.claim(path) }
    guard let held else {
      throw QuarryError(
        .usage, "run id '\(runID)' is running now in another process", remedy: "choose another --run-id")
    }
    claim = held
    let existing = try layout.described { () throws(FileFailure) in
      try RunFinder(layout: layout).find(runID: runID).first
    }
    guard let existing else { return }
    release()
    throw QuarryError(
      .usage, "run id '\(runID)' is taken: \(layout.partitions)/\(existing.path)", remedy: "choose another --run-id")
  }

  /// Gives the id free for the next process, which then finds what this one stored. May be called again.
  package func release() { claim.release() }

  deinit { release() }
}
