import QuarryCore
import QuarryWire

/// Why the events of a run cannot be taken any further. The first one ends the run.
package struct IngestionFailure: Error, Sendable, Equatable {
  package enum Kind: Sendable {
    /// Bytes or an order of frames outside the contract.
    case stream
    case versionMismatch
    /// Storage, or JSON itself, could not take an event that must not be dropped.
    case policy
    /// Whoever takes derived work refused it: the run's lease is lost or its job cancelled.
    case derivedWork
    /// An `enqueue` that no scheduler could carry: the script's mistake.
    case unusableWork
  }

  package let kind: Kind
  /// Without a full stop.
  package let message: String
  /// The next thing to do, when there is one.
  package let remedy: String?
  /// Counts in `ipc_decode_errors_total`: the bytes made no frame, as opposed to a frame out of place.
  package let isUndecodable: Bool

  package init(_ kind: Kind, _ message: String, remedy: String? = nil, isUndecodable: Bool = false) {
    self.kind = kind
    self.message = message
    self.remedy = remedy
    self.isUndecodable = isUndecodable
  }

  package init(_ kind: Kind, _ cause: QuarryError) {
    self.init(kind, cause.message, remedy: cause.remedy)
  }

  /// - Parameter place: what was being decoded, for the message.
  package init(_ cause: WireError, in place: String) {
    switch cause.code {
    case .otherVersion:
      self.init(
        .versionMismatch, cause.message, remedy: "run quarry and its executor from one and the same installation")
    case .notFinite:
      self.init(.policy, "\(place): \(cause.message)", remedy: "send null, or text, for what is no number")
    case .tooLong:
      self.init(
        .policy, "\(place): its record would reach \(RecordBatch.lineLimit) bytes",
        remedy: "send large data with emit.artifact or storage.put")
    case .truncated, .oversized, .undecodable:
      self.init(.stream, "\(place): \(cause.message)", isUndecodable: true)
    }
  }

  /// The outcome of a run that ends with it. Refused derived work is not the script's doing: whoever holds the run
  /// knows its own reason.
  package var outcome: Outcome {
    switch kind {
    case .stream, .derivedWork: .executorCrash
    case .unusableWork: .scriptError
    case .versionMismatch: .versionMismatch
    case .policy: .policyFailure
    }
  }
}
