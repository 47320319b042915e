import Foundation
import QuarryCore
import QuarryRuntime
import TestSupport

/// What the tests of processes share: programs as shell text, and the sight of who is still alive.
enum ProcessTree {
  static let shepherd = Shepherd(path: BuiltProducts.shepherd)
  static let environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]

  static func shell(_ text: String, deadline: UInt64? = nil) throws -> ShepherdedProcess {
    try ShepherdedProcess(
      .init(path: "/bin/bash", arguments: ["-c", text], environment: environment), shepherd: shepherd,
      deadline: deadline)
  }

  static func count(_ mark: String) -> Int { processes(mark).count }

  /// Processes whose command line holds `mark`.
  private static func processes(_ mark: String) -> [pid_t] {
    let ids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return ids.compactMap { pid_t($0) }.filter { id in
      guard let line = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") else { return false }
      return String(decoding: line, as: UTF8.self).contains(mark)
    }
  }

  /// Waits until no process with the mark is left.
  static func isGone(_ mark: String) async -> Bool { await ProcessWatch.noneIsLeft { processes(mark) } }

  /// Nothing signals when a process that is not our child comes, so this looks again and again.
  static func becomes(within limit: Duration = .seconds(10), _ condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + limit
    while !condition() {
      if ContinuousClock.now > deadline { return false }
      try? await Task.sleep(for: .milliseconds(5))
    }
    return true
  }

  /// A number of seconds for `sleep` that no other process sleeps: it shows in the command line.
  static func mark() -> String { "9\(UInt32.random(in: 100_000...999_999))" }
}

extension ShepherdedProcess {
  /// Waits for the end by itself.
  func waitForEnd() -> ProcessEnd {
    while true {
      if let end = readEnd() { return end }
      var wait = pollfd(fd: status.number, events: Int16(POLLIN), revents: 0)
      poll(&wait, 1, -1)
    }
  }

  /// Waits until the command has written `count` bytes, or with `line` the end of a line.
  func readOutput(_ count: Int, line: Bool = false) -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < count {
      var wait = pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)
      poll(&wait, 1, 10_000)
      let got = read(output.number, &chunk, count - bytes.count)
      if got <= 0 { break }
      bytes += chunk[..<got]
      if line, bytes.last == UInt8(ascii: "\n") { break }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
