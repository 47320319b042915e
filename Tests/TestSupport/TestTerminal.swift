import Foundation
import QuarryCore
import Synchronization

/// A real terminal with a shell in it: a tmux of its own, led over its control mode, so that every change of the screen is
/// told and none is waited for blindly. It ends, with all that runs in it, when its owner goes or this process dies.
package final class TestTerminal: Sendable {
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  private let folder = TemporaryDirectory()
  private let client: pid_t
  /// What the client reads its commands from; its end, also that of this process, ends the client.
  private let input: Int32
  private let log = ControlLog()

  /// - Parameter environment: added to this process' environment; an empty value removes the variable.
  package init(
    rows: Int = 24, columns: Int = 100, environment: [String: String] = [:], directory: String
  ) throws {
    // A tmux that is gone is an error of the test that asks it, not the end of all tests.
    signal(SIGPIPE, SIG_IGN)
    let ours = ["LC_ALL": "C.UTF-8", "INPUTRC": "/dev/null", "HISTFILE": "/dev/null", "TMUX": "", "NO_COLOR": ""]
    let (input, output) = (try RunningProcess.makePipe(), try RunningProcess.makePipe())
    defer { for end in [input.0, output.1] { close(end) } }
    self.input = input.1
    client = try RunningProcess.spawn(
      [
        "/usr/bin/env", "tmux", "-S", folder.path + "/tmux", "-f", "/dev/null", "-C", "new-session", "-x", "\(columns)",
        "-y", "\(rows)", "-c", directory, "exec bash --norc --noprofile -i",
      ],
      environment: ProcessInfo.processInfo.environment.merging(ours) { $1 }.merging(environment) { $1 }
        .filter { !$0.value.isEmpty },
      directory: nil, descriptors: [input.0, output.1, output.1])
    log.follow(FileHandle(fileDescriptor: output.0, closeOnDealloc: true))
    guard log.reply(0) != nil else {
      throw Failure(description: "tmux does not start; is it installed (scripts/setup --checks)?")
    }
    // Without a client it ends.
    try command("set-option destroy-unattached on")
    try type("PS1='$ '; clear")
    try press("Enter")
  }

  deinit {
    // The server ends with its last session, and the client with the server.
    _ = try? command("kill-server")
    close(input)
    kill(client, SIGKILL)
    waitpid(client, nil, 0)
  }

  /// Runs a command of tmux.
  /// - Returns: what it prints.
  @discardableResult
  package func command(_ text: String) throws(Failure) -> [String] {
    let number = log.next()
    let line = Array((text + "\n").utf8)
    guard write(input, line, line.count) == line.count else { throw Failure(description: "tmux is gone: \(text)") }
    guard let reply = log.reply(number) else { throw Failure(description: "tmux does not answer: \(text)") }
    return reply
  }

  /// Presses keys by their names in tmux: `j`, `Enter`, `Up`, `C-c`.
  package func press(_ keys: String...) throws(Failure) {
    try command("send-keys " + keys.map(Self.quoted).joined(separator: " "))
  }

  /// Types text as it is.
  package func type(_ text: String) throws(Failure) { try command("send-keys -l " + Self.quoted(text)) }

  /// Types a line for the shell, when that waits for one.
  package func run(_ line: String) async throws(Failure) {
    try await wait(for: "a prompt") { $0.last { !$0.isEmpty } == "$" }
    try type(line)
    // Then the prompt that is waited for next is the one behind it.
    try await wait(for: "what is typed") { $0.last { !$0.isEmpty } != "$" }
    try press("Enter")
  }

  package func resize(rows: Int, columns: Int) throws { try command("resize-window -x \(columns) -y \(rows)") }

  /// What is shown, each row without the spaces at its end.
  /// - Parameter isStyled: with the sequences that say how it looks.
  package func screen(isStyled: Bool = false) throws(Failure) -> [String] {
    try command("capture-pane -p" + (isStyled ? " -e" : ""))
  }

  /// Of tmux's variables of the window: `alternate_on`, `cursor_flag`, `pane_pid`.
  package func variable(_ name: String) throws -> String {
    try command("display-message -p '#{\(name)}'").first ?? ""
  }

  /// Processes that the shell has started.
  package func children() throws -> [pid_t] {
    let shell = try variable("pane_pid")
    let list = try String(contentsOfFile: "/proc/\(shell)/task/\(shell)/children", encoding: .utf8)
    return list.split(separator: " ").compactMap { pid_t($0) }
  }

  /// Waits until the screen is as it should be: it is looked at after each change. Other tests go on meanwhile.
  /// - Returns: the screen.
  @discardableResult
  package func wait(
    for what: String, within limit: Duration = .seconds(60), _ fits: @escaping @Sendable ([String]) -> Bool
  ) async throws(Failure) -> [String] {
    let end = Date.now + Double(limit.components.seconds)
    let screen = await OwnThread.run { [self] in
      Result { () throws(Failure) in try look(for: what, until: end, fits) }
    }
    return try screen.get()
  }

  @discardableResult
  package func wait(for text: String, within limit: Duration = .seconds(60)) async throws(Failure) -> [String] {
    try await wait(for: "'\(text)'", within: limit) { screen in screen.contains { $0.contains(text) } }
  }

  private func look(
    for what: String, until end: Date, _ fits: ([String]) -> Bool
  ) throws(Failure) -> [String] {
    while true {
      let changes = log.changes
      let screen = try screen()
      if fits(screen) { return screen }
      guard log.waitForChange(after: changes, until: end), Date.now < end else {
        throw Failure(description: "no \(what) on the screen:\n" + screen.joined(separator: "\n"))
      }
    }
  }

  private static func quoted(_ text: String) -> String {
    "'" + text.replacingOccurrences(of: "'", with: #"'\''"#) + "'"
  }
}

/// What a tmux client in control mode says: a block for each command, in their order, and a line for each change.
private final class ControlLog: @unchecked Sendable {
  // All that follows is touched only under the condition's lock.
  private let condition = NSCondition()
  private var replies: [[String]] = []
  private var block: [String]?
  private var asked = 0
  private var changeCount = 0
  private var isOver = false

  private static let limit: TimeInterval = 60

  func follow(_ output: FileHandle) {
    Thread.detachNewThread { [self] in
      var rest = Data()
      while true {
        let chunk = output.availableData
        rest += chunk
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
          take(String(decoding: rest[rest.startIndex..<end], as: UTF8.self))
          rest = Data(rest[(end + 1)...])
        }
        if chunk.isEmpty { return close() }
      }
    }
  }

  /// The number of the block that answers the command that is written next.
  func next() -> Int {
    condition.withLock {
      asked += 1
      return asked
    }
  }

  /// Nil when it does not come.
  func reply(_ number: Int) -> [String]? {
    condition.withLock {
      let end = Date.now + Self.limit
      while replies.count <= number, !isOver, condition.wait(until: end) {}
      return number < replies.count ? replies[number] : nil
    }
  }

  var changes: Int { condition.withLock { changeCount } }

  /// - Returns: false when nothing changes any more, or the time is over.
  func waitForChange(after count: Int, until end: Date) -> Bool {
    condition.withLock {
      while changeCount == count, !isOver, condition.wait(until: end) {}
      return changeCount != count
    }
  }

  private func take(_ line: String) {
    condition.withLock {
      if line.hasPrefix("%begin ") {
        block = []
      } else if line.hasPrefix("%end ") || line.hasPrefix("%error "), let lines = block {
        replies.append(lines)
        block = nil
      } else if block != nil {
        block?.append(line)
      } else {
        changeCount += 1
      }
      condition.broadcast()
    }
  }

  private func close() {
    condition.withLock {
      isOver = true
      condition.broadcast()
    }
  }
}
