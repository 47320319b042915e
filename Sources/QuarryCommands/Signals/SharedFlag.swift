import Synchronization

/// Goes up once, from any thread, and stays up.
final class SharedFlag: Sendable {
  private let value = Mutex(false)

  var isRaised: Bool { value.withLock { $0 } }

  func raise() { value.withLock { $0 = true } }
}
