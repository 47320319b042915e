import QuarryCore

/// Makes written batches visible: manifests first, then the pointer.
package protocol SnapshotPublisher: Sendable {
  /// Publishes the plans as one snapshot each, in their order, with a single move of the pointer: all or none.
  ///
  /// They are visible when it returns, and durable after `makePointerDurable`.
  func publish(_ plans: [SnapshotPlan]) throws(PublishFailure)

  /// Does nothing where visible is durable.
  func makePointerDurable() throws(PublishFailure)
}

package enum PublishFailure: Error {
  case file(FileFailure)
  /// Others kept it from its turn until the deadline.
  case late(QuarryError)
  /// It may be visible or not: nobody could be asked.
  case unknown(FileFailure)

  func described(_ layout: DatasetLayout) -> QuarryError {
    switch self {
    case .file(let failure): failure.described(root: layout.root)
    case .late(let error): error
    case .unknown(let failure):
      QuarryError(
        .storage, failure.described(root: layout.root).message + " (whether the records are visible is not known)",
        remedy: failure.described(root: layout.root).remedy)
    }
  }

  /// Whether another batch might do better without the one that it went with.
  var mayBeOfOneBatch: Bool {
    if case .file(let failure) = self { failure.isOfOneFile } else { false }
  }
}
