import Dispatch
import QuarryCore

/// What this machine keeps so that reading is fast, and who is told of it.
package struct RunIndexing: Sendable {
  /// A folder for what is derived from datasets in buckets; nil keeps nothing.
  package var cache: String?
  /// Told once when reading what no index knows yet takes long; nil where nobody waits for it.
  package var slow: (@Sendable (String) -> Void)?
  /// How long that is.
  package var patience = Duration.seconds(2)
  /// Told of an index that is whole, and says what cannot be.
  package var unusable: @Sendable (String) -> Void = { _ in }

  package init() {}

  func tellingIfSlow<Value>(
    _ message: String, _ work: () throws(QuarryError) -> Value
  ) throws(QuarryError) -> Value {
    guard let slow else { return try work() }
    let (done, patience) = (DispatchSemaphore(value: 0), patience)
    OwnThread.start {
      if done.wait(timeout: .now() + .milliseconds(Int(patience.milliseconds))) == .timedOut { slow(message) }
    }
    defer { done.signal() }
    return try work()
  }
}
