import QuarryCore

/// Something in a dataset that no snapshot names: a crash left it, or a writer is about to name it.
package struct Leftover: Sendable, Equatable {
  package enum Kind: String, Sendable {
    /// A file that was to be renamed.
    case temporary
    case data
    /// A manifest that is not on the chain.
    case manifest
    /// A file beside a run's records, or what says its content type.
    case sidecar
    /// An empty folder.
    case folder
    /// Parts of an object that was never finished; of a bucket.
    case upload
    /// A run id that a process took and did not give back.
    case claim
  }

  package let kind: Kind
  package let path: String
  /// Bytes; 0 for a folder.
  package let size: Int64
  package let modified: Timestamp
  /// Why the store did not let it go.
  package var problem: String?
  /// Of a kind `upload`.
  var uploadID: String?
}
