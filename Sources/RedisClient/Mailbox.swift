import CHiredis
import Glibc
import Synchronization

/// What callers and the owner thread share: calls that were not yet sent, and a way to wake the owner.
final class Mailbox: Sendable {
  private struct State {
    var queue: [Call] = []
    var ownerSleeps = false
    /// Set once: why nothing is accepted any more.
    var closedBecause: RedisError?
    /// Why there is no connection at the moment.
    var outage: RedisError?
  }

  private let state = Mutex(State())
  /// An eventfd that the owner polls.
  let wakeDescriptor: Int32

  init() {
    wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    precondition(wakeDescriptor >= 0, "no file descriptor is left for a Redis connection")
  }

  deinit { Glibc.close(wakeDescriptor) }

  // MARK: Callers

  func submit(_ call: Call) {
    let (refusal, mustWake) = state.withLock { state -> (RedisError?, Bool) in
      if let reason = state.closedBecause { return (reason, false) }
      state.queue.append(call)
      defer { state.ownerSleeps = false }
      return (nil, state.ownerSleeps)
    }
    if let refusal { return call.complete(.failure(refusal)) }
    if mustWake { wake() }
  }

  /// The first reason wins. Calls that were not sent fail with it; the owner is woken and ends.
  func close(because reason: RedisError) {
    let refused = state.withLock { state -> [Call] in
      state.closedBecause = state.closedBecause ?? reason
      defer { state.queue = [] }
      return state.queue
    }
    wake()
    for call in refused { call.complete(.failure(reason)) }
  }

  var closedBecause: RedisError? { state.withLock { $0.closedBecause } }

  /// Lets the owner look again, for whatever it waits.
  func wake() {
    var one: UInt64 = 1
    _ = write(wakeDescriptor, &one, 8)
  }

  // MARK: The owner

  /// All calls that wait to be sent.
  func take() -> [Call] {
    state.withLock { state in
      state.ownerSleeps = false
      defer { state.queue = [] }
      return state.queue
    }
  }

  /// Announces that the owner is about to poll.
  /// - Parameter unlessWaiting: answers false, and does not sleep, when calls wait to be sent.
  func prepareSleep(unlessWaiting: Bool) -> Bool {
    state.withLock { state in
      if state.closedBecause != nil || (unlessWaiting && !state.queue.isEmpty) { return false }
      state.ownerSleeps = true
      return true
    }
  }

  func drainWake() {
    var count: UInt64 = 0
    _ = read(wakeDescriptor, &count, 8)
  }

  func connected() { state.withLock { $0.outage = nil } }

  /// Notes why there is no connection, and fails the calls that do not want to wait for one.
  func noteOutage(_ reason: RedisError) {
    fail(with: reason) { state in
      state.outage = reason
      return state.queue.extract(where: \.failsDuringOutage)
    }
  }

  /// Fails waiting calls whose deadline has passed.
  /// - Returns: the next deadline among those that still wait.
  @discardableResult
  func expire(at now: Monotonic, otherwise reason: RedisError) -> Monotonic {
    var next = Monotonic.distantFuture
    fail(with: reason) { state in
      let expired = state.queue.extract { $0.deadline <= now }
      next = state.queue.reduce(.distantFuture) { min($0, $1.deadline) }
      return expired
    }
    return next
  }

  private func fail(with reason: RedisError, _ choose: (inout State) -> [Call]) {
    let (calls, outage) = state.withLock { (choose(&$0), $0.outage) }
    for call in calls { call.complete(.failure(outage ?? reason)) }
  }
}

extension Array {
  /// Removes the elements that match, and returns them.
  fileprivate mutating func extract(where matches: (Element) -> Bool) -> [Element] {
    let extracted = filter(matches)
    if !extracted.isEmpty { removeAll(where: matches) }
    return extracted
  }
}
