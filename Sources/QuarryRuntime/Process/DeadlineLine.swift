import Glibc
import Synchronization

/// The pipe on which a shepherd hears when it must kill everything by itself, whatever has become of this process. Its end
/// is the order to kill at once. Any thread may move the deadline: the run's own may be waiting for storage.
package final class DeadlineLine: Sendable {
  private let pipe: Mutex<Descriptor?>

  /// - Parameter pipe: the writing end.
  package init(_ pipe: consuming Descriptor) { self.pipe = Mutex(pipe) }

  /// - Parameter deadline: in nanoseconds of `BootClock`; nil for never.
  package func move(to deadline: UInt64?) {
    pipe.withLock { pipe in
      guard let number = pipe?.number else { return }
      var message = (deadline ?? 0).littleEndian
      _ = write(number, &message, 8)
    }
  }

  package func close() { pipe.withLock { $0 = nil } }
}
