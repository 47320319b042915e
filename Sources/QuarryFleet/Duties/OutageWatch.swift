import QuarryCore
import Synchronization

/// Tells once that a ledger is away and once that it is back, however many duties notice.
final class OutageWatch: Sendable {
  private let failure = Mutex<String?>(nil)
  private let onChange: @Sendable (String?) -> Void

  /// - Parameter onChange: called with the error's text, then with nil when all is well again.
  init(onChange: @escaping @Sendable (String?) -> Void) { self.onChange = onChange }

  /// - Parameter error: nil when it answers.
  func note(_ error: QuarryError?) {
    if let error { failed(error) } else { answered() }
  }

  func failed(_ error: QuarryError) {
    let isNew = failure.withLock { failure in
      defer { failure = failure ?? error.description }
      return failure == nil
    }
    if isNew { onChange(error.description) }
  }

  func answered() {
    let wasAway = failure.withLock { failure in
      defer { failure = nil }
      return failure != nil
    }
    if wasAway { onChange(nil) }
  }
}
