import Glibc

/// Threads for work that blocks, which has no place on the cooperative pool.
package enum OwnThread {
  /// Runs `body` on a new, detached thread.
  package static func start(_ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // Default stacks of 8 MiB are only reserved, not used; 1 MiB is more than any of these threads needs.
    pthread_attr_setstacksize(&attributes, 1 << 20)
    let box = Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(status == 0, "the system has no thread left: \(String(cString: strerror(status)))")
  }

  /// Runs `body` on a new thread and answers what it returns.
  package static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { waiter in
      start { waiter.resume(returning: body()) }
    }
  }

  /// Blocks the calling thread, which must not be one of the cooperative pool.
  package static func block(for duration: Duration) {
    let (seconds, attoseconds) = duration.components
    var left = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    var asked = left
    while nanosleep(&asked, &left) != 0, errno == EINTR { asked = left }
  }

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}
