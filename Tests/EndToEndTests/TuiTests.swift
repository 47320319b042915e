import Foundation
import QuarryCore
import TestSupport
import Testing

/// `--tui` in a real terminal.
@Suite struct TuiTests {
  /// A finished run `r1` with five items, and a shell beside it.
  private struct Lab: ~Copyable {
    let harness: RunHarness
    let terminal: TestTerminal

    init(rows: Int = 60, columns: Int = 100, environment: [String: String] = [:]) async throws {
      let harness = try RunHarness()
      let script = try harness.script(
        "finds.ts",
        """
        export const config = { browser: false };
        export default async ({ emit }) => {
          for (let n = 0; n < 5; n++) await emit.item({ item_type: 'find', data: { n } });
          await emit.artifact({ name: '日本 \\u001b[31m.txt', content_type: 'text/plain', data: Buffer.from('x') });
          await emit.artifact({ name: 'second.txt', content_type: 'text/plain', data: Buffer.from('x') });
        };

        """)
      let result = try await harness.run(script, "--run-id", "r1")
      #expect(result.exitCode == 0, "\(result.standardError)")
      let terminal = try TestTerminal(
        rows: rows, columns: columns, environment: environment.merging(["QUARRY": BuiltProducts.quarry]) { $1 },
        directory: harness.path)
      self.harness = harness
      self.terminal = terminal
    }

    /// Shows `r1`, with how the terminal was before in the file `before` (but for its size, which is on the first line).
    func open(_ flags: String = "") async throws {
      try await terminal.run("stty -a | tail -n +2 > before; echo on the first screen")
      try await terminal.run(
        "$QUARRY inspect run r1 --storage-path data --tui \(flags); echo ended with $?; stty -a | tail -n +2 > after")
      try await terminal.wait(for: "inspect run r1") { $0.first == "quarry inspect run r1" }
    }

    /// The shell is back, and the terminal as it was.
    func expectEnd(_ code: Int, _ location: SourceLocation = #_sourceLocation) async throws {
      let screen = try await terminal.wait(for: "ended with \(code)")
      #expect(screen.contains("on the first screen"), "\(screen)", sourceLocation: location)
      #expect(try terminal.variable("alternate_on") == "0", sourceLocation: location)
      try await terminal.run("cmp before after && echo the terminal is the same")
      try await terminal.wait(for: "the shell") { $0.contains("the terminal is the same") }
      #expect(try terminal.variable("cursor_flag") == "1", sourceLocation: location)
    }

    func viewer() throws -> pid_t { try #require(try terminal.children().first) }
  }

  @Test(arguments: ["q", "C-c"])
  func keysEndItAndLeaveTheTerminalAsItWas(_ key: String) async throws {
    let lab = try await Lab()
    try await lab.open()
    #expect(try lab.terminal.variable("alternate_on") == "1")
    #expect(try lab.terminal.variable("cursor_flag") == "0")
    try lab.terminal.press(key)
    try await lab.expectEnd(0)
  }

  @Test(arguments: [(SIGTERM, 0), (SIGINT, 0), (SIGHUP, 0), (SIGABRT, 134), (SIGQUIT, 131)])
  func signalsEndItAndLeaveTheTerminalAsItWas(_ signal: Int32, _ code: Int) async throws {
    let lab = try await Lab()
    try await lab.terminal.run("ulimit -c 0")
    try await lab.open()
    kill(try lab.viewer(), signal)
    try await lab.expectEnd(code)
  }

  @Test func aTerminalThatIsGoneEndsIt() async throws {
    let lab = try await Lab()
    try await lab.open()
    let viewer = try lab.viewer()
    try lab.terminal.command("kill-server")
    #expect(await ProcessWatch.ends(viewer))
  }

  @Test func theDocumentIsLookedThrough() async throws {
    let lab = try await Lab()
    try await lab.open()
    let screen = try await lab.terminal.wait(for: "second.txt")
    #expect(screen.contains { $0.hasSuffix("succeeded") && $0.contains("state") })
    // What a terminal would obey is shown, and columns stand below each other behind wide characters.
    let rows = screen.filter { $0.contains(".txt") }
    #expect(rows.count == 2)
    #expect(rows.first?.contains(#"日本 \u001b[31m.txt  text/plain"#) == true, "\(rows)")
    #expect(rows.last?.contains(#"second.txt           text/plain"#) == true, "\(rows)")

    try lab.terminal.press("/")
    try lab.terminal.type("by_type")
    try await lab.terminal.wait(for: "the search") { $0.last == "/by_type" }
    #expect(try lab.terminal.variable("cursor_flag") == "1")
    try lab.terminal.press("Enter")
    try await lab.terminal.wait(for: "'by_type': 1 of")
    try await lab.terminal.wait(for: "› by_type")
    try lab.terminal.press("Left", "Left")
    try await lab.terminal.wait(for: "closed drops") { $0.contains { $0.hasPrefix("▸ drops") } }
    try lab.terminal.press("Right")
    try await lab.terminal.wait(for: "open drops") { $0.contains { $0.hasPrefix("▾ drops") } }
    try lab.terminal.press("g", "Enter")
    try await lab.terminal.wait(for: "a value alone") { $0.dropFirst().first == "r1" && $0[2].isEmpty }
    try lab.terminal.press("Escape")
    try await lab.terminal.wait(for: "the outline") { $0[1].contains("run_id") }
    try lab.terminal.press("?")
    try await lab.terminal.wait(for: "up, down")
    try lab.terminal.press("q")
    try await lab.expectEnd(0)
  }

  /// What is pasted is text for a search, and never a command.
  @Test func pasting() async throws {
    let lab = try await Lab()
    try await lab.open()
    try lab.terminal.command("set-buffer 'qqq'")
    try lab.terminal.command("paste-buffer -p")
    try lab.terminal.press("/")
    try lab.terminal.command("paste-buffer -p")
    try await lab.terminal.wait(for: "what was pasted") { $0.last == "/qqq" }
    try lab.terminal.press("C-c")
    try await lab.expectEnd(0)
  }

  @Test func theScreenChangesItsSize() async throws {
    let lab = try await Lab()
    try await lab.open()
    try lab.terminal.resize(rows: 10, columns: 40)
    let small = try await lab.terminal.wait(for: "a small screen") {
      $0.count == 10 && $0[0] == "quarry inspect run r1" && $0[8].hasPrefix("1/")
    }
    #expect(small[1].contains("run_id") && small[7].contains("policy"), "\(small)")
    for (rows, columns) in [(1, 2), (2, 1), (3, 5), (4, 200)] {
      try lab.terminal.resize(rows: rows, columns: columns)
    }
    try lab.terminal.press("G")
    try lab.terminal.resize(rows: 30, columns: 120)
    try await lab.terminal.wait(for: "a large screen") { $0.count == 30 && $0[28].hasSuffix("children") }
    try lab.terminal.resize(rows: 24, columns: 100)
    try await lab.terminal.wait(for: "the first size") { $0.count == 24 && $0[22].hasSuffix("children") }
    try lab.terminal.press("q")
    try await lab.expectEnd(0)
  }

  @Test(arguments: ["key", "signal"])
  func itIsSuspended(_ way: String) async throws {
    let lab = try await Lab()
    try await lab.open()
    if way == "key" { try lab.terminal.press("C-z") } else { kill(try lab.viewer(), SIGTSTP) }
    let screen = try await lab.terminal.wait(for: "Stopped")
    #expect(screen.contains("on the first screen"))
    try await lab.terminal.run("stty -a | tail -n +2 > meanwhile; cmp before meanwhile && echo the same meanwhile")
    try await lab.terminal.wait(for: "the shell") { $0.contains("the same meanwhile") }
    try await lab.terminal.run("clear; echo on the first screen; fg; echo ended with $?; stty -a | tail -n +2 > after")
    try await lab.terminal.wait(for: "the view") { $0.first == "quarry inspect run r1" }
    try lab.terminal.press("j")
    try await lab.terminal.wait(for: "the second row") { $0[$0.count - 2].hasPrefix("2/") }
    try lab.terminal.press("q")
    try await lab.expectEnd(0)
  }

  /// A run that goes on is read again by itself, and what is selected stays so.
  @Test func aRunIsWatched() async throws {
    let lab = try await Lab()
    let gate = lab.harness.path + "/gate"
    let script = try lab.harness.script(
      "waits.ts",
      """
      import { existsSync } from 'node:fs';
      export const config = { browser: false };
      export default async ({ emit }) => {
        await emit.item({ item_type: 'first', data: {} });
        await new Promise((resolve) => setTimeout(resolve, 1)); // frames leave at the end of a turn
        console.error('the first item is out');
        while (!existsSync('\(gate)')) await new Promise((resolve) => setTimeout(resolve, 20));
        for (let n = 0; n < 6; n++) await emit.item({ item_type: 'late', data: {} });
      };

      """)
    let run = try lab.harness.start(["run", "--script", script, "--storage-path", lab.harness.data, "--run-id", "w"])
    try await run.waitForError("the first item is out")
    while try await lab.harness.read("list", "runs").array?.count != 2 {
      try await Task.sleep(for: .milliseconds(20))
    }
    try await lab.terminal.run("$QUARRY inspect run w --storage-path data --tui")
    try await lab.terminal.wait(for: "a running run") { screen in
      screen.contains { $0.hasSuffix("running") } && screen.last?.contains("live, read") == true
    }
    try lab.terminal.press("/")
    try lab.terminal.type("policy")
    try lab.terminal.press("Enter")
    try await lab.terminal.wait(for: "the policy's row") { $0[$0.count - 2].hasSuffix("policy") }
    try "".write(toFile: gate, atomically: true, encoding: .utf8)
    let screen = try await lab.terminal.wait(for: "the end of the run") { $0.contains { $0.hasSuffix("succeeded") } }
    #expect(screen.contains { $0.contains("item") && $0.hasSuffix(" 7") }, "\(screen)")
    #expect(screen[screen.count - 2].hasSuffix("policy"), "\(screen)")
    try lab.terminal.press("q")
    #expect(try await run.finish().exitCode == 0)
  }

  @Test func whatCannotBeReadIsSaidAndDoesNotEndIt() async throws {
    let lab = try await Lab()
    try await lab.open()
    let files = FileManager.default
    try files.moveItem(atPath: lab.harness.data, toPath: lab.harness.path + "/away")
    try lab.terminal.press("r")
    let screen = try await lab.terminal.wait(for: "cannot be read")
    #expect(screen.contains { $0.hasSuffix("succeeded") }, "what was read is still shown")
    try files.moveItem(atPath: lab.harness.path + "/away", toPath: lab.harness.data)
    try lab.terminal.press("r")
    try await lab.terminal.wait(for: "what was read") { !($0.last?.contains("cannot be read") ?? true) }
    try lab.terminal.press("q")
    try await lab.expectEnd(0)
  }

  @Test(arguments: [("", true), ("NO_COLOR=1", false), ("--no-color", false)])
  func coloursAreLeftOut(_ wish: String, _ isColored: Bool) async throws {
    let isVariable = wish.hasPrefix("NO_COLOR")
    let lab = try await Lab(environment: isVariable ? ["NO_COLOR": "1"] : [:])
    try await lab.open(isVariable ? "" : wish)
    let screen = try lab.terminal.screen(isStyled: true).joined(separator: "\n")
    #expect(screen.contains("\u{1B}[32m") == isColored, "\(screen)")
    #expect(screen.contains("\u{1B}[1m\u{1B}[7m") || screen.contains("\u{1B}[1;7m"), "\(screen)")
    try lab.terminal.press("q")
    try await lab.expectEnd(0)
  }

  @Test func withoutUTF8ItsOwnSignsArePlain() async throws {
    let lab = try await Lab(environment: ["LC_ALL": "C"])
    try await lab.open()
    try await lab.terminal.wait(for: "plain signs") { $0.contains { $0.hasPrefix("v artifacts") } }
    try lab.terminal.press("q")
    try await lab.expectEnd(0)
  }

  @Test func whatIsNotThereIsSaidBeforeTheScreenChanges() async throws {
    let lab = try await Lab()
    try await lab.terminal.run("$QUARRY inspect run nosuch --storage-path data --tui; echo ended with $?")
    let screen = try await lab.terminal.wait(for: "ended with 1")
    #expect(screen.contains { $0.hasPrefix("quarry: no run 'nosuch'") })
  }

  @Test func itIsRefusedWhereItCannotBe() async throws {
    let lab = try await Lab()
    try await lab.terminal.run("Q=\"$QUARRY inspect run r1 --storage-path data --tui\"")
    for (line, complaint) in [
      ("TERM=dumb $Q", "TERM says that this one is 'dumb'"), ("TERM= $Q", "TERM says nothing"),
      ("$Q --format json", "exclude each other"), ("$Q < /dev/null", "stdin is none"), ("$Q | cat", "stdout is none"),
      ("$QUARRY list runs --tui", "`quarry list runs` has no --tui"),
    ] {
      try await lab.terminal.run("clear; \(line); echo ended with ${PIPESTATUS[0]}")
      let screen = try await lab.terminal.wait(for: "ended with 2")
      #expect(screen.joined().contains(complaint), "\(line): \(screen)")
      try await lab.terminal.run("clear")
      try await lab.terminal.wait(for: "an empty screen") { !$0.contains { $0.contains("ended") } }
    }
  }
}
