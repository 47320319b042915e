import Glibc
import QuarryCore

/// A thread that stores one set of records at a time, while its owner goes on.
///
/// `@unchecked Sendable`: `mutex` and `changed` are made once and live as long as the object, and everything mutable
/// is touched only while `mutex` is held.
final class FlushThread: @unchecked Sendable {
  /// What became of a submission: the records as they were, and storage's answer.
  typealias Completion = (records: PendingRecords, result: Result<Void, QuarryError>)

  private let sink: any EventSink
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var submitted: PendingRecords?
  private var isStoring = false
  private var completion: Completion?
  private var isClosed = false

  init(sink: any EventSink) {
    self.sink = sink
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Starts the thread, which keeps the object alive until `close`.
  func start() {
    let retained = Unmanaged.passRetained(self)
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        // The pointer is the reference that was retained for exactly this thread.
        if let argument { Unmanaged<FlushThread>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, retained.toOpaque())
    precondition(status == 0, "no thread could be started for storing events")
    pthread_detach(thread)
  }

  /// Takes records to store. Nothing else may be under way.
  func submit(_ records: PendingRecords) {
    locked {
      precondition(submitted == nil && !isStoring && completion == nil, "one submission at a time")
      submitted = records
    }
  }

  /// Waits until what was submitted is done, and hands it back; nil when nothing was submitted.
  func wait() -> Completion? {
    locked {
      while submitted != nil || isStoring { pthread_cond_wait(changed, mutex) }
      defer { completion = nil }
      return completion
    }
  }

  /// As `wait`, without waiting: nil also while it is under way.
  func poll() -> Completion? {
    locked {
      defer { completion = nil }
      return completion
    }
  }

  /// True while something is being stored.
  var isBusy: Bool { locked { submitted != nil || isStoring } }

  /// Ends the thread after what it does.
  func close() { locked { isClosed = true } }

  private func run() {
    while let records = next() {
      let result = records.attempt(sink)
      locked {
        completion = (records, result)
        isStoring = false
      }
    }
  }

  private func next() -> PendingRecords? {
    locked {
      while submitted == nil && !isClosed { pthread_cond_wait(changed, mutex) }
      isStoring = submitted != nil
      defer { submitted = nil }
      return submitted
    }
  }

  private func locked<Value>(_ body: () -> Value) -> Value {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(changed)
      pthread_mutex_unlock(mutex)
    }
    return body()
  }
}
