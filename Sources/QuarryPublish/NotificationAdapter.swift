/// A way to tell another program that a run is over.
package protocol NotificationAdapter: Sendable {
  /// `webhook` or `redis`, as records, reports and metrics name it.
  var name: String { get }

  /// Where it goes, without anything that may be a secret.
  var destination: String { get }

  /// One try. Blocks the calling thread, for the adapter's time limit at most.
  /// - Parameter limit: a shorter time limit for this try.
  func send(_ json: String, within limit: Duration?) throws(DeliveryFailure)
}

/// Why a try failed; without secrets.
package struct DeliveryFailure: Error, Sendable, Equatable {
  package let message: String
  /// A further try now would fail as well.
  package let isFinal: Bool
  /// The receiver does not want this notification, and a try at another time would fail as well.
  package let isRefusal: Bool

  package init(_ message: String, isFinal: Bool = false, isRefusal: Bool = false) {
    self.message = message
    self.isFinal = isFinal
    self.isRefusal = isRefusal
  }
}
