import QuarryCore
import Synchronization

/// A store whose outages are waited out, for who follows a dataset: what was asked for is asked for again, so that the reading
/// goes on at the very byte where it was.
///
/// What the store refuses of one file alone, while it gives others, is no outage.
struct PatientStore: WrappingStore {
  /// Bytes that are enough to see that there is an answer.
  private static let glanceLimit = 64

  private let layout: DatasetLayout
  private let patience: Patience

  /// - Parameter layout: of the dataset, in the store as it is.
  init(_ layout: DatasetLayout, _ patience: Patience) {
    self.layout = layout
    self.patience = patience
  }

  var store: any DatasetStore { layout.store }

  func ask<Value>(_ instead: Value, _ question: () throws(FileFailure) -> Value) throws(FileFailure) -> Value {
    while true {
      do { return try question() } catch {
        guard error.isOutage, !layout.isOfOneFile(error), waitForAnswer() else { throw error }
      }
    }
  }

  func open(_ file: String, first: Range<Int64>) throws(FileFailure) -> (any StoredFile)? {
    let opened = try ask(nil) { () throws(FileFailure) in try store.open(file, first: first) }
    return opened.map { PatientFile(store: self, file: $0) }
  }

  /// The store is not asked for the sake of what nobody waits for any more.
  func isOfOneFile(_ failure: FileFailure, asking other: String) -> Bool {
    patience.isOver && failure.isOutage ? false : store.isOfOneFile(failure, asking: other)
  }

  /// - Returns: false when nobody waits any more.
  private func waitForAnswer() -> Bool {
    while patience.wait() {
      do throws(FileFailure) {
        _ = try store.glance(layout.pointer, limit: Self.glanceLimit)
        return true
      } catch { if !error.isOutage { return true } }
    }
    return false
  }
}

private final class PatientFile: StoredFile {
  private let store: PatientStore
  private let file: any StoredFile

  init(store: PatientStore, file: any StoredFile) {
    self.store = store
    self.file = file
  }

  func size() throws(FileFailure) -> Int64 { try store.ask(0) { () throws(FileFailure) in try file.size() } }

  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(FileFailure) -> Int {
    try store.ask(0) { () throws(FileFailure) in try file.read(into: buffer, at: position) }
  }
}

/// Whether somebody still waits for a store that does not answer.
final class Patience: Sendable {
  private let pause: @Sendable () -> Bool
  private let over = Mutex(false)

  /// - Parameter pause: waits between two tries; false for no more.
  init(_ pause: @escaping @Sendable () -> Bool) { self.pause = pause }

  var isOver: Bool { over.withLock { $0 } }

  /// - Returns: false once it is over.
  func wait() -> Bool {
    guard !isOver else { return false }
    if pause() { return true }
    over.withLock { $0 = true }
    return false
  }
}
