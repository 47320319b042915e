import Dispatch
import QuarryCore
import Synchronization

/// A moment after which nothing is waited for any more. From any thread.
final class CutOff: Sendable {
  private enum State {
    case open, set, past
  }
  private let state = Mutex(State.open)
  /// Left when the moment has come.
  private let isComing = DispatchGroup()

  init() { isComing.enter() }

  // A group must not go away while it is entered.
  deinit { pass() }

  var isPast: Bool { state.withLock { $0 == .past } }

  /// Sets the moment; the first one stands.
  /// - Parameter action: called when it has come.
  func set(after limit: Duration, then action: @escaping @Sendable () -> Void) {
    let isFirst = state.withLock { state in
      defer { if state == .open { state = .set } }
      return state == .open
    }
    guard isFirst else { return }
    OwnThread.start { [self] in
      OwnThread.block(for: limit)
      pass(action)
    }
  }

  /// Blocks the calling thread, but not beyond the moment.
  func pause(for duration: Duration) {
    _ = isComing.wait(timeout: .now() + .milliseconds(Int(clamping: duration.milliseconds)))
  }

  /// - Parameter action: before anybody who pauses goes on.
  private func pass(_ action: () -> Void = {}) {
    let isFirst = state.withLock { state in
      defer { state = .past }
      return state != .past
    }
    guard isFirst else { return }
    action()
    isComing.leave()
  }
}
