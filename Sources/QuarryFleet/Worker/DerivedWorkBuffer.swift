import Dispatch
import QuarryCore
import Synchronization

/// Hands the derived work of one run from the run's own thread to the task that sends it to the outbox.
///
/// `accept` returns at once while little is waiting, so that a round trip is not paid for each `enqueue`: what piles
/// up during one trip goes out in the next. It blocks, and with it the script, while `capacity` entries wait; that is
/// how a full outbox reaches the script. `complete` comes after `drained`.
package final class DerivedWorkBuffer: DerivedWorkSink {
  private struct State {
    var waiting: [DerivedWork] = []
    var isSending = false
    /// A batch was refused on its way.
    var hasLost = false
    var accepted = 0
    var refusal: QuarryError?
    var blocked = 0
    var onDrained: [CheckedContinuation<Void, Never>] = []

    mutating func releaseAll() -> (Int, [CheckedContinuation<Void, Never>]) {
      defer {
        blocked = 0
        onDrained = []
      }
      return (blocked, onDrained)
    }
  }
  private let state = Mutex(State())
  private let room = DispatchSemaphore(value: 0)
  private let capacity: Int
  private let work: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation

  package init(capacity: Int = 256) {
    self.capacity = capacity
    (work, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Number of emissions taken so far: what Redis must hold before the run can be complete.
  package var count: Int { state.withLock { $0.accepted } }

  package func accept(_ derived: DerivedWork) throws(QuarryError) {
    while true {
      let answer = state.withLock { state -> Result<Bool, QuarryError> in
        if let refusal = state.refusal { return .failure(refusal) }
        guard state.waiting.count < capacity else {
          state.blocked += 1
          return .success(false)
        }
        state.waiting.append(derived)
        state.accepted += 1
        return .success(true)
      }
      if try answer.get() { break }
      room.wait()
    }
    signal.yield()
  }

  /// Sends what is accepted, in order, until the surrounding task is cancelled or `send` refuses.
  /// - Parameter send: returns when Redis holds the batch; throws when the run may derive no more work.
  package func run(send: @Sendable ([DerivedWork]) async throws(QuarryError) -> Void) async {
    for await _ in work {
      while let batch = takeBatch() {
        do throws(QuarryError) {
          try await send(batch)
        } catch {
          state.withLock { $0.hasLost = true }
          close(error)
          return
        }
        sent()
      }
    }
    close(QuarryError(.fleet, "the run is over"))
  }

  /// Waits until all that was accepted is in Redis, or sending ended.
  /// - Throws: why sending ended, when something was left unsent.
  package func drained() async throws(QuarryError) {
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      let isDrained = state.withLock { state in
        if state.refusal != nil || (state.waiting.isEmpty && !state.isSending) { return true }
        state.onDrained.append(done)
        return false
      }
      if isDrained { done.resume() }
    }
    let failure = state.withLock { state in
      let isWhole = state.waiting.isEmpty && !state.isSending && !state.hasLost
      return isWhole ? nil : state.refusal
    }
    if let failure { throw failure }
  }

  /// Refuses all further work and lets a blocked script go.
  package func close(_ reason: QuarryError) {
    let (blocked, waiters) = state.withLock { state in
      state.refusal = state.refusal ?? reason
      return state.releaseAll()
    }
    release(blocked, waiters)
  }

  private func takeBatch() -> [DerivedWork]? {
    let (batch, blocked) = state.withLock { state -> ([DerivedWork], Int) in
      defer {
        state.waiting.removeAll(keepingCapacity: true)
        state.blocked = 0
      }
      state.isSending = !state.waiting.isEmpty
      return (state.waiting, state.blocked)
    }
    for _ in 0..<blocked { room.signal() }
    return batch.isEmpty ? nil : batch
  }

  private func sent() {
    let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
      state.isSending = false
      guard state.waiting.isEmpty else { return [] }
      defer { state.onDrained = [] }
      return state.onDrained
    }
    for waiter in waiters { waiter.resume() }
  }

  private func release(_ blocked: Int, _ waiters: [CheckedContinuation<Void, Never>]) {
    for _ in 0..<blocked { room.signal() }
    for waiter in waiters { waiter.resume() }
  }
}
