import Dispatch
import QuarryCore
import Synchronization

/// Collects values from any thread, for a test to look at and to wait for.
final class Recorder<Value: Sendable>: Sendable {
  private let state = Mutex<(values: [Value], listeners: [Int: AsyncStream<Void>.Continuation])>(([], [:]))

  func add(_ value: Value) {
    let listeners = state.withLock { state in
      state.values.append(value)
      return state.listeners.values
    }
    for listener in listeners { listener.yield() }
  }

  var all: [Value] { state.withLock { $0.values } }
  var count: Int { state.withLock { $0.values.count } }

  /// Returns when what was added meets the condition.
  /// - Throws: `CancellationError` when the test's time is over.
  func wait(until condition: ([Value]) -> Bool) async throws {
    let (changes, listener) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state in
      let id = (state.listeners.keys.max() ?? 0) + 1
      state.listeners[id] = listener
      return id
    }
    defer { state.withLock { $0.listeners[id] = nil } }
    var iterator = changes.makeAsyncIterator()
    while !condition(all) {
      guard await iterator.next() != nil else { throw CancellationError() }
    }
  }

  func wait(for count: Int) async throws { try await wait { $0.count >= count } }
}

/// Holds threads until it is opened; gives up after a minute, so that a test that fails ends.
final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func open() { semaphore.signal() }

  func wait() {
    if semaphore.wait(timeout: .now() + 60) == .success { semaphore.signal() }
  }
}

extension RunControl {
  /// Blocks the run's thread until the run is stopped.
  func waitForStop() {
    let woken = DispatchSemaphore(value: 0)
    attach { woken.signal() }
    defer { detach() }
    while stopReason == nil { woken.wait() }
  }
}
