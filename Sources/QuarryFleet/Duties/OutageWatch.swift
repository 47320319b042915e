import QuarryCore
import Synchronization

/// Tells once that a ledger is away and once that it is back, however many duties notice.
final class OutageWatch: Sendable {
  private let failure = Mutex<String?>(nil)
  private let onChange: @Sendable (String?) -> Void

  /// - Parameter onChange: called with the error's text, then with nil when all is well again; one call after the other, in the
  ///   order of what happened. Must not call back.
  init(onChange: @escaping @Sendable (String?) -> Void) { self.onChange = onChange }

  /// - Parameter error: nil when it answers.
  func note(_ error: QuarryError?) {
    if let error { failed(error) } else { answered() }
  }

  func failed(_ error: QuarryError) {
    failure.withLock { failure in
      guard failure == nil else { return }
      failure = error.description
      onChange(error.description)
    }
  }

  func answered() {
    failure.withLock { failure in
      guard failure != nil else { return }
      failure = nil
      onChange(nil)
    }
  }
}
