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

  /// Process ids and command lines of all that carries the mark.
  private var marked: [(pid: pid_t, line: String)] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { pid_t($0) }.compactMap { pid in
      guard let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ"),
        let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"), !line.isEmpty,
        String(decoding: environment, as: UTF8.self).contains(mark)
      else { return nil }
      return (pid, String(decoding: line, as: UTF8.self))
    }
  }

  private var browsers: [pid_t] {
    marked.filter { $0.line.contains("--remote-debugging") && !$0.line.contains("--type=") }.map(\.pid)
  }
  /// Node itself, not the shell and the shepherd around it.
  private var brokers: [pid_t] { marked.filter { $0.line.contains("browser-broker.ts") }.map(\.pid) }

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
    #expect(await ProcessWatch.noneIsLeft { marked.map(\.pid) })
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
    #expect(marked.isEmpty)
    #expect(try harness.items().count == 2)
  }

  /// A package of that name beside the script, or in `--resolve-from`, whose browser is made up.
  @Test(arguments: ["", "/other"], [[], ["--depth", "1", "--max-runs", "1"]])
  func aPuppeteerOfTheUsersOwnStartsNoSharedBrowser(_ place: String, _ flags: [String]) async throws {
    let harness = try RunHarness()
    let package = harness.path + place + "/node_modules/puppeteer"
    try FileManager.default.createDirectory(atPath: package, withIntermediateDirectories: true)
    try #"{"type":"module","exports":"./index.js"}"#.write(
      toFile: package + "/package.json", atomically: true, encoding: .utf8)
    try """
    const on = { on() {}, once() {}, off() {} };
    const page = { ...on, evaluateOnNewDocument: async () => {}, setUserAgent: async () => {}, close: async () => {} };
    const context = { ...on, newPage: async () => page, close: async () => {} };
    export default { launch: async () => ({ ...on, createBrowserContext: async () => context,
      version: async () => 'Chrome/1', userAgent: async () => 'HeadlessChrome/1', close: async () => {},
      isConnected: () => true, connected: true, process: () => null }) };

    """.write(toFile: package + "/index.js", atomically: true, encoding: .utf8)
    let script = try harness.script(
      "own.ts",
      """
      import { readdirSync, readFileSync } from 'node:fs';
      const read = (pid, name) => {
        try { return readFileSync(`/proc/${pid}/${name}`, 'latin1'); } catch { return ''; }
      };
      export default ({ page, emit }) => {
        const mine = readdirSync('/proc').filter((pid) => read(pid, 'environ').includes(process.env.QUARRY_TEST_MARK));
        const brokers = mine.filter((pid) => read(pid, 'cmdline').includes('browser-broker.ts'));
        emit.item({ item_type: 'x', data: { others: mine.length > 0, brokers: brokers.length } });
      };

      """)
    let result = try await harness.start(
      ["run", "--script", script, "--storage-path", harness.data, "--resolve-from", harness.path + place] + flags,
      environment: environment(harness)
    ).finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(try harness.items().map { $0["payload"]?["data"] } == [["others": true, "brokers": 0]])
    #expect(!FileManager.default.fileExists(atPath: harness.path + "/quarry"))
    #expect(marked.isEmpty)
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

  /// With a single attempt a script error would be the task's death.
  @Test func aBrowserThatDiesInAWorkerIsNotChargedToTheTask() async throws {
    let harness = try RunHarness()
    try harness.script(
      "once.ts",
      """
      import { writeFileSync } from 'node:fs';
      export default async ({ page, job, run, emit }) => {
        await page.goto('data:text/html,<title>there</title>');
        if (run.attempt === 1) {
          writeFileSync(job.open, '');
          await page.waitForSelector('#never', { timeout: 600_000 });
        }
        await emit.item({ item_type: 'page', data: { attempt: run.attempt } });
      };

      """)
    let environment = environment(harness).merging(["XDG_STATE_HOME": harness.path + "/state"]) { $1 }
    let common = ["--fleet", "b", "--storage-path", harness.data, "--script-root", harness.path]
    let worker = try harness.start(["worker"] + common, environment: environment)
    try await worker.waitForError("serves fleet 'b'")
    let open = harness.path + "/open"
    let coordinator = try harness.start(
      [
        "coordinator", "--script", "once.ts", "--job", #"{"open":"\#(open)"}"#, "--attempts", "1", "--crash-base",
        "50ms",
      ] + common, environment: environment)
    try await becomes("the page is open") { FileManager.default.fileExists(atPath: open) }
    for pid in browsers { kill(pid, SIGKILL) }
    let result = try await coordinator.finish(within: .seconds(90))
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(try JSONParser.parse(result.standardOutput)["done"]?.integer == 1)
    worker.send(SIGTERM)
    let end = try await worker.finish(within: .seconds(60))
    #expect(end.standardError.contains("the browser ended in the middle of the run"), "\(end.standardError)")
    #expect(try harness.items().count == 1)
    #expect(await ProcessWatch.noneIsLeft { marked.map(\.pid) })
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
