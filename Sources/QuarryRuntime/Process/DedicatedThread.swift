import Glibc
import QuarryCore

/// Runs blocking work on a thread of its own, so that the cooperative pool never waits for it.
package enum DedicatedThread {
  /// Answers what `body` answered; cancellation of the caller does not reach it.
  /// - Throws: `QuarryError(.executor)` when the system gives no thread.
  package static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws(QuarryError) -> Value {
    let result: Result<Value, QuarryError> = await withCheckedContinuation { continuation in
      do throws(QuarryError) {
        try start { continuation.resume(returning: .success(body())) }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    return try result.get()
  }

  /// Starts `body` and does not wait for it.
  /// - Throws: `QuarryError(.executor)` when the system gives no thread.
  package static func start(_ body: @escaping @Sendable () -> Void) throws(QuarryError) {
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let failure = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    guard failure == 0 else {
      box.release()
      throw QuarryError(
        .executor, "no thread can be started: \(errorText(failure))",
        remedy: "raise the limit on processes (ulimit -u) or run fewer at once")
    }
    pthread_detach(thread)
  }

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
