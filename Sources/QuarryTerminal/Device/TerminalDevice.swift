import Glibc
import QuarryCore

/// The terminal on stdin and stdout.
package enum TerminalDevice {
  /// What is done where there is no such terminal.
  private static let remedy = "use --format table, json or yaml there"

  /// - Throws: `QuarryError(.usage)` when stdin or stdout is no terminal, or one that cannot show a full screen.
  package static func check(environment: [String: String], flag: String) throws(QuarryError) {
    for (descriptor, name) in [(STDIN_FILENO, "stdin"), (STDOUT_FILENO, "stdout")] where isatty(descriptor) != 1 {
      throw QuarryError(.usage, "\(flag) needs a terminal, and \(name) is none", remedy: remedy)
    }
    guard movesCursor(environment: environment) else {
      let kind = environment["TERM"] ?? ""
      let found = kind.isEmpty ? "TERM says nothing about this one" : "TERM says that this one is '\(kind)'"
      throw QuarryError(
        .usage, "\(flag) needs a terminal that can move its cursor, and \(found)",
        remedy: "set TERM (TERM=xterm-256color is right for most), or \(remedy)")
    }
  }

  /// Whether `TERM` names a kind of terminal that moves its cursor.
  package static func movesCursor(environment: [String: String]) -> Bool {
    !["", "dumb", "unknown"].contains(environment["TERM"] ?? "")
  }

  /// Whether stdin and stdout are a terminal that can show a full screen.
  package static func canShow(environment: [String: String]) -> Bool {
    // Why it cannot is for those who insist on it.
    (try? check(environment: environment, flag: "")) != nil
  }

  /// 24 rows of 80 where the terminal does not know.
  static var size: ScreenSize {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
      return ScreenSize(rows: 24, columns: 80)
    }
    return ScreenSize(rows: Int(size.ws_row), columns: Int(size.ws_col))
  }

  /// Waits until it takes all of it.
  static func write(_ text: String) throws(TerminalFailure) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if written > 0 {
        bytes = bytes.dropFirst(written)
      } else if errno == EAGAIN {
        var wait = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wait, 1, -1)
      } else if errno != EINTR {
        throw .now()
      }
    }
  }

  /// - Returns: what was typed; nothing when the terminal is gone.
  static func read() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(STDIN_FILENO, &bytes, bytes.count)
      if count >= 0 { return Array(bytes.prefix(count)) }
      guard errno == EINTR || errno == EAGAIN else { return [] }
    }
  }
}
