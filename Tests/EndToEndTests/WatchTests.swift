import Foundation
import QuarryCore
import TestSupport
import Testing

/// `--watch` of reading commands, printed and on a real terminal.
@Suite(.timeLimit(.minutes(10))) struct WatchTests {
  /// A dataset with the finished run `r1`.
  private static func lab() async throws -> RunHarness {
    let harness = try RunHarness()
    let script = try harness.script(
      "one.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => { await emit.item({ item_type: 'one', data: {} }); };

      """)
    let result = try await harness.run(script, "--run-id", "r1")
    #expect(result.exitCode == 0, "\(result.standardError)")
    return harness
  }

  private static func watch(_ harness: borrowing RunHarness, _ arguments: String...) throws -> RunningProcess {
    try harness.start(["list", "runs", "--watch", "--interval", "100ms", "--storage-path", harness.data] + arguments)
  }

  @Test func eachAnswerThatDiffersIsPrintedOnce() async throws {
    let harness = try await Self.lab()
    let watch = try Self.watch(harness)
    try await watch.waitForOutput("r1")
    let second = try await harness.run(harness.path + "/one.ts", "--run-id", "r2")
    #expect(second.exitCode == 0)
    try await watch.waitForOutput("\"run_id\":\"r2\",\"state\":\"succeeded\"", within: .seconds(120))
    watch.send(SIGINT)
    let result = try await watch.finish(within: .seconds(120))
    #expect(result.exitCode == 0, "\(result.standardError)")
    let lines = result.standardOutput.split(separator: "\n").map(String.init)
    let states = try lines.map { try JSONParser.parse($0) }
    #expect(states.first?.array?.count == 1 && states.last?.array?.count == 2, "\(lines)")
    #expect(zip(states, states.dropFirst()).allSatisfy { $0 != $1 }, "\(lines)")
  }

  @Test(arguments: [("yaml", "---\n- run_id: r1\n"), ("table", "RUN_ID")])
  func otherFormats(_ format: String, _ beginning: String) async throws {
    let harness = try await Self.lab()
    let watch = try Self.watch(harness, "--format", format)
    try await watch.waitForOutput("r1")
    watch.send(SIGTERM)
    let result = try await watch.finish(within: .seconds(120))
    #expect(result.exitCode == 0)
    #expect(result.standardOutput.hasPrefix(beginning), "\(result.standardOutput)")
  }

  /// Nothing changes any more, so that it never writes: the end of its reader alone ends it.
  @Test func aReaderThatHasGoneEndsIt() async throws {
    let harness = try await Self.lab()
    let line = "'\(BuiltProducts.quarry)' list runs --watch --storage-path '\(harness.data)' | head -n 1"
    let shell = try RunningProcess("/bin/bash", ["-c", line + "; echo ${PIPESTATUS[0]}"])
    let result = try await shell.finish(within: .seconds(120))
    #expect(result.standardOutput.hasSuffix("\n0\n"), "\(result.standardOutput)")
  }

  @Test func aRedisThatGoesAwayAndComesBackIsOutlived() async throws {
    let harness = try await Self.lab()
    var options = RedisServer.Options()
    options.appendOnly = true
    let redis = try RedisServer.start(options)
    let fleet = ["--redis", redis.url, "--fleet", "w"]
    let submits = ["coordinator", "--script", "one.ts", "--job-id", "j1", "--storage-path", harness.data]
    let coordinator = try harness.start(submits + fleet)
    try await coordinator.waitForError("j1", within: .seconds(120))
    let watch = try harness.start(
      ["inspect", "job", "j1", "--watch", "--interval", "100ms", "--format", "json"] + fleet)
    try await watch.waitForOutput("\"tasks\":1", within: .seconds(120))
    coordinator.send(SIGKILL)
    _ = try await coordinator.finish(within: .seconds(120))
    redis.kill()
    try await watch.waitForError("it is tried again until it can be read", within: .seconds(120))
    try redis.restart()
    try await watch.waitForError("it can be read again", within: .seconds(120))
    watch.send(SIGINT)
    #expect(try await watch.finish(within: .seconds(120)).exitCode == 0)
  }

  @Test func whatCannotBeAskedForAtFirstIsRefused() async throws {
    let harness = try await Self.lab()
    let result = try await harness.quarry("inspect", "run", "nosuch", "--watch", "--storage-path", harness.data)
    #expect(result.exitCode == 1)
    #expect(result.standardError.hasPrefix("quarry: no run 'nosuch'"))
  }

  private struct Screen: ~Copyable {
    let harness: RunHarness
    let terminal: TestTerminal

    init(rows: Int = 24, columns: Int = 80) async throws {
      let harness = try await WatchTests.lab()
      let terminal = try TestTerminal(
        rows: rows, columns: columns, environment: ["QUARRY": BuiltProducts.quarry], directory: harness.path)
      try await terminal.run("stty -a | tail -n +2 > before; echo on the first screen")
      try await terminal.run(
        "$QUARRY list runs --watch --interval 100ms --storage-path data; echo ended with $?; "
          + "stty -a | tail -n +2 > after")
      try await terminal.wait(for: "r1") { $0.first == "quarry list runs" && $0[2].hasPrefix("r1 ") }
      self.harness = harness
      self.terminal = terminal
    }

    func expectEnd(_ location: SourceLocation = #_sourceLocation) async throws {
      let screen = try await terminal.wait(for: "ended with 0")
      #expect(screen.contains("on the first screen"), "\(screen)", sourceLocation: location)
      #expect(try terminal.variable("alternate_on") == "0", sourceLocation: location)
      #expect(try terminal.variable("cursor_flag") == "1", sourceLocation: location)
      try await terminal.run("cmp before after && echo the terminal is the same")
      try await terminal.wait(for: "the shell") { $0.contains("the terminal is the same") }
    }

    func watcher() throws -> pid_t { try #require(try terminal.children().first) }
  }

  @Test func onATerminalItIsRedrawn() async throws {
    let screen = try await Screen()
    #expect(try screen.terminal.variable("alternate_on") == "1")
    let second = try await screen.harness.run(screen.harness.path + "/one.ts", "--run-id", "r2")
    #expect(second.exitCode == 0)
    try await screen.terminal.wait(for: "both runs") { $0[2].hasPrefix("r2  ") && $0[3].hasPrefix("r1  ") }
    // It is wider than the screen: what is at its end is reached by the arrows, and the header goes with it.
    try screen.terminal.press("Right")
    try await screen.terminal.wait(for: "the right part") { $0[1].hasPrefix("STATE ") }
    try FileManager.default.moveItem(atPath: screen.harness.data, toPath: screen.harness.path + "/away")
    let lost = try await screen.terminal.wait(for: "cannot be read since")
    #expect(lost[1].contains("STARTED_AT"), "what was read is still shown: \(lost)")
    try FileManager.default.moveItem(atPath: screen.harness.path + "/away", toPath: screen.harness.data)
    try await screen.terminal.wait(for: "the next look") { $0.last?.hasPrefix("cannot") == false }
    try screen.terminal.press("q")
    try await screen.expectEnd()
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func signalsLeaveTheTerminalAsItWas(_ signal: Int32) async throws {
    let screen = try await Screen()
    kill(try screen.watcher(), signal)
    try await screen.expectEnd()
  }

  @Test func itIsSuspended() async throws {
    let screen = try await Screen()
    kill(try screen.watcher(), SIGTSTP)
    try await screen.terminal.wait(for: "Stopped")
    try await screen.terminal.run(
      "clear; echo on the first screen; fg; echo ended with $?; stty -a | tail -n +2 > after")
    try await screen.terminal.wait(for: "the view") { $0.first == "quarry list runs" }
    try screen.terminal.press("C-c")
    try await screen.expectEnd()
  }
}
