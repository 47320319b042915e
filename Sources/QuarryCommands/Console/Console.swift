import Glibc
import QuarryCore
import QuarryTerminal
import Synchronization

/// stdout for data alone, stderr for everything that is said to a person.
package struct Console: Sendable {
  package let isOutputTerminal: Bool
  /// One on which a line can be drawn over. Never for structured logs, which no person watches.
  package private(set) var isErrorTerminal: Bool
  package private(set) var format = LogFormat.text
  private var subject = LogSubject()
  /// What stood in the way of the first write to stdout that failed.
  package let outputFailure: @Sendable () -> String?
  /// False once a write to stdout has failed, also because its reader has gone: nothing more need be read for it.
  package let isOutputOpen: @Sendable () -> Bool
  private let writeOut: @Sendable ([UInt8]) -> Void
  private let writeError: @Sendable ([UInt8]) -> Void

  package init(
    isOutputTerminal: Bool = false, isErrorTerminal: Bool = false,
    writeOut: @escaping @Sendable ([UInt8]) -> Void, writeError: @escaping @Sendable ([UInt8]) -> Void,
    outputFailure: @escaping @Sendable () -> String? = { nil }, isOutputOpen: @escaping @Sendable () -> Bool = { true }
  ) {
    self.isOutputTerminal = isOutputTerminal
    self.isErrorTerminal = isErrorTerminal
    self.writeOut = writeOut
    self.writeError = writeError
    self.outputFailure = outputFailure
    self.isOutputOpen = isOutputOpen
  }

  package static func ofThisProcess(environment: [String: String]) -> Console {
    let failure = FirstFailure()
    // One that cannot move its cursor is written to as a file is.
    let canDraw = TerminalDevice.movesCursor(environment: environment)
    return Console(
      isOutputTerminal: isatty(STDOUT_FILENO) == 1, isErrorTerminal: canDraw && isatty(STDERR_FILENO) == 1,
      writeOut: { failure.note(writeAll($0, to: STDOUT_FILENO)) },
      // There is no place left to say that stderr fails.
      writeError: { _ = writeAll($0, to: STDERR_FILENO) }, outputFailure: { failure.text },
      isOutputOpen: { !failure.isNoted })
  }

  /// Columns of what shows stdout.
  var outputColumns: Int { isOutputTerminal ? Self.columns(of: STDOUT_FILENO) : 80 }

  /// Columns of a terminal, 80 where nothing is known of it.
  static func columns(of descriptor: Int32) -> Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Says nothing.
  package static let silent = Console(writeOut: { _ in }, writeError: { _ in })

  package func printOut(_ text: String) { printOut(Array(text.utf8)) }

  package func printOut(_ bytes: [UInt8]) { writeOut(bytes) }

  /// The same, with stderr in another form.
  package func logging(_ format: LogFormat) -> Console {
    var copy = self
    copy.format = format
    if format == .json { copy.isErrorTerminal = false }
    return copy
  }

  /// The same, whose structured lines are about this.
  package func about(_ subject: LogSubject) -> Console {
    var copy = self
    copy.subject = subject.or(self.subject)
    return copy
  }

  /// Writes to stderr as it is; for progress bars.
  package func printError(_ text: String) { writeError(Array(text.utf8)) }

  /// Most bytes of a message: a script's error may be of any length, and is stored whole with the run.
  private static let longestMessage = 8 << 10

  /// One line for a person, on stderr. A script's words may be in it, which a terminal shall show and not obey.
  /// - Parameter level: of a structured line; sentences for a person do not say it.
  package func say(_ message: String, level: LogLevel = .info) {
    let message = message.shortened(to: Self.longestMessage)
    if format == .json { return log(LogLine(level: level, message: message, subject: subject)) }
    printError("quarry: \(message.withVisibleControls)\n")
  }

  package func warn(_ message: String) {
    say(format == .json ? message : "warning: \(message)", level: .warning)
  }

  /// The next thing to type.
  package func hint(_ command: String) {
    if format == .json { return say(command) }
    printError("  \(command)\n")
  }

  /// A line that a script's executor wrote to its standard error; as text with its task's id before it where a worker has
  /// several at once.
  package func echo(_ line: String) {
    if format == .json {
      return log(LogLine(level: .info, message: line, subject: subject, stream: "stderr"))
    }
    printError((subject.taskID.map { "[\($0)] " } ?? "") + line + "\n")
  }

  /// The message on one line, what to do on the next.
  package func report(_ error: QuarryError) {
    if format == .json {
      let message = error.message.shortened(to: Self.longestMessage)
      return log(LogLine(level: .error, message: message, subject: subject, remedy: error.remedy))
    }
    say(error.message)
    if let remedy = error.remedy { printError("  \(remedy.withVisibleControls)\n") }
  }

  private func log(_ line: LogLine) { printError(line.text(at: .now())) }

  /// - Returns: 0, or the `errno` of what failed.
  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let written = write(descriptor, rest.baseAddress, rest.count)
        if written > 0 {
          rest = rest.dropFirst(written)
        } else if written < 0, errno != EINTR, !waitUntilWritable(descriptor) {
          return errno
        }
      }
      return 0
    }
  }

  private static func waitUntilWritable(_ descriptor: Int32) -> Bool {
    guard errno == EAGAIN else { return false }
    var event = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&event, 1, -1) > 0
  }
}

/// The first of several failures.
private final class FirstFailure: Sendable {
  private let first = Mutex<Int32>(0)

  var isNoted: Bool { first.withLock { $0 != 0 } }

  /// The system's words. A reader that has gone (`quarry list runs | head`) is no error.
  var text: String? {
    let code = first.withLock { $0 }
    return code == 0 || code == EPIPE ? nil : String(cString: strerror(code))
  }

  func note(_ code: Int32) { first.withLock { if $0 == 0 { $0 = code } } }
}

extension String {
  /// As it is, or its beginning and how much of it is left out.
  /// - Parameter limit: bytes of UTF-8 that are kept at most.
  fileprivate func shortened(to limit: Int) -> String {
    guard utf8.count > limit else { return self }
    let kept = beginning(limit)
    return "\(kept)… (\(utf8.count - kept.utf8.count) bytes more)"
  }
}

extension Slice where Base == UnsafeRawBufferPointer {
  fileprivate var baseAddress: UnsafeRawPointer? { UnsafeRawBufferPointer(rebasing: self).baseAddress }
}
