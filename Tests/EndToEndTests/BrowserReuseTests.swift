import Foundation
import QuarryCore
import TestSupport
import Testing

/// `quarry run` with real Chromium: the browser that runs share, and browsers that die.
@Suite struct BrowserReuseTests {
  private let mark = "reuse-\(UUID().uuidString)"

  /// A runtime folder of the test's own, so that it shares with nobody, and a mark on all that is started.
  private func environment(_ harness: borrowing RunHarness) -> [String: String] {
    ["XDG_RUNTIME_DIR": harness.path, "QUARRY_BROWSER_IDLE_TIMEOUT": "600", "QUARRY_TEST_MARK": mark]
  }

  /// Processes with the mark whose command line holds each of the words and none of `without`.
  private func processes(_ words: String..., without: String = "--type=") -> [pid_t] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { pid_t($0) }.filter { pid in
      guard let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ"),
        let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
      else { return false }
      let text = String(decoding: line, as: UTF8.self)
      return String(decoding: environment, as: UTF8.self).contains(mark) && words.allSatisfy(text.contains)
        && !text.contains(without)
    }
  }

  private var browsers: [pid_t] { processes("chrom", "--remote-debugging") }
  private var brokers: [pid_t] { processes("browser-broker.ts") }

  private func becomes(_ what: String, _ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while !condition() {
      guard ContinuousClock.now < deadline else { throw RunningProcess.Failure(description: "not: \(what)") }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// Ends what the runs share, and shows that Chromium goes with it.
  private func end() async throws {
    for pid in brokers { kill(pid, SIGKILL) }
    try await becomes("nothing is left") { processes("").isEmpty && processes("", without: "\u{1}").isEmpty }
  }

  private static let page = """
    export default async ({ page, emit }) => {
      await page.goto('data:text/html,<title>there</title>');
      await emit.item({ item_type: 'page', data: { title: await page.title() } });
    };

    """
  private static let waiting = """
    export default async ({ page, emit }) => {
      await page.goto('data:text/html,<title>there</title>');
      console.error('the page is open');
      await page.waitForSelector('#never', { timeout: 600_000 });
    };

    """

  @Test func runsThatStartAtOnceShareOneBrowserThatOutlivesThem() async throws {
    let harness = try RunHarness()
    let script = try harness.script("page.ts", Self.page)
    let runs = try (0..<4).map { _ in
      try harness.start(["run", "--script", script, "--storage-path", harness.data], environment: environment(harness))
    }
    // `finish` waits for the end of their pipes too: the browser that stays holds none of them.
    for run in runs {
      let result = try await run.finish(within: .seconds(120))
      #expect(result.exitCode == 0, "\(result.standardError)")
      run.sendToGroup(SIGHUP)
    }
    #expect(try harness.items().count == 4)
    #expect(brokers.count == 1)
    #expect(browsers.count == 1)
    let next = try await harness.run(script, environment: environment(harness))
    #expect(next.exitCode == 0, "\(next.standardError)")
    #expect(browsers.count == 1)
    try await end()
  }

  @Test func aRunWithoutBrowserStartsNothingAndOneWithoutReuseLeavesNothing() async throws {
    let harness = try RunHarness()
    let none = try harness.script("none.ts", "export const config = { browser: false };\nexport default () => {};\n")
    #expect(try await harness.run(none, environment: environment(harness)).exitCode == 0)
    let page = try harness.script("page.ts", Self.page)
    let own = try await harness.run(page, "--no-browser-reuse", environment: environment(harness))
    #expect(own.exitCode == 0, "\(own.standardError)")
    let config = try harness.script("quarry.yaml", "no_browser_reuse: true\n")
    #expect(try await harness.run(page, "--config", config, environment: environment(harness)).exitCode == 0)
    #expect(!FileManager.default.fileExists(atPath: harness.path + "/quarry"))
    #expect(processes("").isEmpty)
    #expect(try harness.items().count == 2)
  }

  @Test(arguments: [["--no-browser-reuse"], [], ["--depth", "1", "--max-runs", "1"]])
  func aBrowserThatDiesCrashesItsRunAndTheNextGetsANewOne(_ flags: [String]) async throws {
    let harness = try RunHarness()
    let script = try harness.script("waits.ts", Self.waiting)
    let run = try harness.start(
      ["run", "--script", script, "--storage-path", harness.data, "--run-id", "victim"] + flags,
      environment: environment(harness))
    try await run.waitForError("the page is open", within: .seconds(60))
    for pid in browsers { kill(pid, SIGKILL) }
    let result = try await run.finish(within: .seconds(60))
    #expect(result.exitCode == 2, "\(result.standardError)")
    #expect(result.standardError.contains("the browser ended in the middle of the run"))
    #expect(!result.standardError.contains("script_error"))
    let page = try harness.script("page.ts", Self.page)
    let next = try await harness.run(page, environment: environment(harness))
    #expect(next.exitCode == 0, "\(next.standardError)")
    try await end()
  }

  @Test func anEndpointThatIsNoBrowserIsRefusedBeforeTheExecutorStarts() async throws {
    let harness = try RunHarness()
    let script = try harness.script("page.ts", "console.error('loaded');\n" + Self.page)
    let result = try await harness.run(script, "--browser-ws-endpoint", "ws://127.0.0.1:9/a-secret")
    #expect(result.exitCode == 2)
    #expect(result.standardError.contains("no browser answers at 127.0.0.1 port 9"))
    #expect(!result.standardError.contains("a-secret"))
    #expect(!result.standardError.contains("loaded"))
    #expect(try harness.records().isEmpty)
  }
}
