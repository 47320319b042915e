import Glibc

/// State that several threads share and whose changes they wait for.
///
/// `@unchecked Sendable`: what the three point to is made once and lives as long as the object, and `state` is touched
/// only while `mutex` is held.
final class Monitor<State>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let state = UnsafeMutablePointer<State>.allocate(capacity: 1)

  init(_ state: State) {
    self.state.initialize(to: state)
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(changed, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    state.deinitialize(count: 1)
    state.deallocate()
    changed.deallocate()
    mutex.deallocate()
  }

  /// Runs `body` alone; for what nobody waits for.
  func locked<Value, Failure: Error>(_ body: (inout State) throws(Failure) -> Value) throws(Failure) -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state.pointee)
  }

  /// Runs `body` alone, and wakes those who wait.
  func change<Value>(_ body: (inout State) -> Value) -> Value {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(changed)
      pthread_mutex_unlock(mutex)
    }
    return body(&state.pointee)
  }

  /// Waits until `isReady`, then runs `body` alone.
  func when<Value>(_ isReady: (State) -> Bool, _ body: (inout State) -> Value) -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isReady(state.pointee) { pthread_cond_wait(changed, mutex) }
    return body(&state.pointee)
  }

  /// Waits until `isReady`, or for so many nanoseconds.
  func pause(for nanoseconds: UInt64, unless isReady: (State) -> Bool) {
    var limit = timespec()
    clock_gettime(CLOCK_MONOTONIC, &limit)
    let (seconds, rest) = (UInt64(limit.tv_nsec) + nanoseconds).quotientAndRemainder(dividingBy: 1_000_000_000)
    limit = timespec(tv_sec: limit.tv_sec + Int(seconds), tv_nsec: Int(rest))
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isReady(state.pointee), pthread_cond_timedwait(changed, mutex, &limit) == 0 {}
  }
}
