import QuarryCore

/// Makes written batches visible: manifests first, then the pointer.
package protocol SnapshotPublisher: Sendable {
  /// Waits until no other process publishes. Only one thread at a time has a turn.
  /// - Throws: when others took all the time until `end`; then there is no turn to end.
  func takeTurn(until end: ContinuousClock.Instant) throws(PublishFailure)

  /// Publishes the plans as one snapshot each, in their order, with a single move of the pointer: all or none. More than
  /// once in a turn.
  ///
  /// They are visible when it returns, and durable after `makeDurable`.
  /// - Returns: the newest of them.
  func publish(_ plans: [SnapshotPlan]) throws(PublishFailure) -> SnapshotID

  /// Lets `latest` name the newest snapshot, and notes what is lost by that. In a turn.
  func restorePointer() throws(PublishFailure)

  /// - Returns: the folders of what was published in this turn that are still to be made durable.
  func endTurn() -> [String]

  func makeDurable(_ folders: [String]) throws(PublishFailure)
}

/// For a store where everybody may publish at any time, and what is visible is durable.
extension SnapshotPublisher {
  package func takeTurn(until end: ContinuousClock.Instant) throws(PublishFailure) {}
  package func endTurn() -> [String] { [] }
  package func makeDurable(_ folders: [String]) throws(PublishFailure) {}
}

package enum PublishFailure: Error {
  case file(FileFailure)
  /// Others kept it from its turn until the deadline.
  case late(QuarryError)
  /// It may be visible or not: nobody could be asked.
  case unknown(FileFailure, UnsettledCommit)

  func described(_ layout: DatasetLayout) -> QuarryError {
    switch self {
    case .file(let failure): failure.described(layout)
    case .late(let error): error
    case .unknown(let failure, _):
      QuarryError(
        .storage, failure.described(layout).message + " (whether the records are visible is not known)",
        remedy: failure.described(layout).remedy)
    }
  }

  /// Whether another batch might do better without the one that it went with.
  var mayBeOfOneBatch: Bool {
    if case .file(let failure) = self { failure.isLocal } else { false }
  }
}
