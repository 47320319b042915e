import Glibc
import QuarryCore

/// stdout for data alone, stderr for everything that is said to a person.
package struct Console: Sendable {
  package let isOutputTerminal: Bool
  package let isErrorTerminal: Bool
  private let writeOut: @Sendable ([UInt8]) -> Void
  private let writeError: @Sendable ([UInt8]) -> Void

  package init(
    isOutputTerminal: Bool = false, isErrorTerminal: Bool = false,
    writeOut: @escaping @Sendable ([UInt8]) -> Void, writeError: @escaping @Sendable ([UInt8]) -> Void
  ) {
    self.isOutputTerminal = isOutputTerminal
    self.isErrorTerminal = isErrorTerminal
    self.writeOut = writeOut
    self.writeError = writeError
  }

  package static func ofThisProcess() -> Console {
    Console(
      isOutputTerminal: isatty(STDOUT_FILENO) == 1, isErrorTerminal: isatty(STDERR_FILENO) == 1,
      writeOut: { writeAll($0, to: STDOUT_FILENO) }, writeError: { writeAll($0, to: STDERR_FILENO) })
  }

  /// Says nothing.
  package static let silent = Console(writeOut: { _ in }, writeError: { _ in })

  package func printOut(_ text: String) { writeOut(Array(text.utf8)) }

  /// Writes to stderr as it is; for progress bars.
  package func printError(_ text: String) { writeError(Array(text.utf8)) }

  /// One line for a person, on stderr.
  package func say(_ message: String) { printError("quarry: \(message)\n") }

  package func warn(_ message: String) { say("warning: \(message)") }

  /// The message on one line, what to do on the next.
  package func report(_ error: QuarryError) {
    say(error.message)
    if let remedy = error.remedy { printError("  \(remedy)\n") }
  }

  /// A reader that has gone (`quarry list runs | head`) is no error.
  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let written = write(descriptor, rest.baseAddress, rest.count)
        if written > 0 {
          rest = rest.dropFirst(written)
        } else if written < 0, errno != EINTR, !waitUntilWritable(descriptor) {
          return
        }
      }
    }
  }

  private static func waitUntilWritable(_ descriptor: Int32) -> Bool {
    guard errno == EAGAIN else { return false }
    var event = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&event, 1, -1) > 0
  }
}

extension Slice where Base == UnsafeRawBufferPointer {
  fileprivate var baseAddress: UnsafeRawPointer? { UnsafeRawBufferPointer(rebasing: self).baseAddress }
}
