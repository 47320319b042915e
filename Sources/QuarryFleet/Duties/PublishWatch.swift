import QuarryCore
import Synchronization

/// What changed in the sending of notifications.
package enum PublishChange: Sendable, Equatable {
  /// The first failure after all was well; it is tried again, and the notification stays in the fleet's stream.
  case failing(String)
  /// Sent again after this many failed tries.
  case recovered(failures: Int)
}

extension PublishChange: CustomStringConvertible {
  package var description: String {
    switch self {
    case .failing(let message): "a notification was not sent; it waits in the fleet and is tried again: \(message)"
    case .recovered(let failures): "notifications are sent again, after \(failures) failed tries"
    }
  }
}

/// Counts failed tries, and tells when sending begins to fail and when it works again: not each try, since there may be
/// one for each notification and pause.
final class PublishWatch: Sendable {
  private let failures = Mutex(0)
  private let onChange: @Sendable (PublishChange) -> Void

  init(onChange: @escaping @Sendable (PublishChange) -> Void) { self.onChange = onChange }

  func failed(_ error: QuarryError) {
    let isFirst = failures.withLock { failures in
      failures += 1
      return failures == 1
    }
    if isFirst { onChange(.failing(error.message)) }
  }

  func sent() {
    let before = failures.withLock { failures in
      defer { failures = 0 }
      return failures
    }
    if before > 0 { onChange(.recovered(failures: before)) }
  }
}
