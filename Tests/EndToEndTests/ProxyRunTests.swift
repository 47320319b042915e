import Foundation
import QuarryCore
import TestSupport
import Testing

/// Proxies from the configuration to the browser, and who gets to know their passwords: nobody.
@Suite struct ProxyRunTests {
  /// Visits the site, and tells which processes of this machine know the canary.
  private static let visit = """
    import { readdirSync, readFileSync } from 'node:fs';
    const read = (path) => { try { return readFileSync(path, 'latin1'); } catch { return ''; } };
    const canary = 'canary-';
    export default async ({ page, job, emit }) => {
      const response = await page.goto(job.url);
      const knowing = [];
      let browsers = 0;
      for (const pid of readdirSync('/proc').filter((name) => /^\\d+$/.test(name))) {
        const line = read(`/proc/${pid}/cmdline`);
        if (line.includes('chromium') && line.includes('--type=')) browsers += 1;
        if ((line + read(`/proc/${pid}/environ`)).includes(canary + job.end)) knowing.push(line.split('\\0').slice(0, 2));
      }
      await emit.item({ item_type: 'page', data: { status: response.status(), knowing, browsers } });
    };

    """

  /// The browser that single runs share shall be this test's alone, and end soon.
  private func ownBrowser(_ harness: borrowing RunHarness) -> [String: String] {
    ["XDG_RUNTIME_DIR": harness.path, "QUARRY_BROWSER_IDLE_TIMEOUT": "1"]
  }

  @Test(arguments: ["http1", "socks"])
  func aPageIsLoadedThroughTheProxyAndNobodyLearnsItsPassword(_ name: String) async throws {
    let lab = try await ProxyLab.start()
    let harness = try RunHarness()
    let script = try harness.script("visit.ts", Self.visit)
    try harness.script(
      "q.yaml", "proxies: { p: { strategy: random, endpoints: [\(lab.endpoint(name))] } }\nproxy: { pool: p }\n")
    let end = String(lab.word.dropFirst("canary-".count))
    let result = try await harness.run(
      script, "--config", "q.yaml", "--job", #"{"url":"\#(lab.site)/next","end":"\#(end)"}"#, "--report", "report.json",
      "--run-id", "r-1", environment: lab.environment.merging(ownBrowser(harness)) { $1 })
    #expect(result.exitCode == 0, "\(result.standardError)")
    let item = try #require(try harness.items().first?["payload"]?["data"])
    #expect(item["status"] == 200)
    #expect((item["browsers"]?.integer ?? 0) > 0, "Chromium was among the processes that were looked at")
    // Whoever types it into the environment of `quarry` has it there; no child gets it.
    #expect(item["knowing"]?.array?.count == 1)
    #expect(item["knowing"]?.array?.first?.array?.last == "run", "\(item)")
    let host = lab.site.dropFirst("http://".count)
    #expect(lab.asked.contains(name == "socks" ? "socks CONNECT \(host)" : "\(name) GET \(lab.site)/next"))

    let report = try JSONParser.parse(String(contentsOfFile: harness.path + "/report.json", encoding: .utf8))
    #expect(report["proxy_used"]?["port"]?.integer == Int64(lab.port(name)))
    #expect(report["proxy_used"]?["username"] == "user" && report["proxy"]?["pool"] == "p")
    let run = try await harness.read("inspect", "run", "r-1")
    #expect(run["proxy_pool"] == "p" && run["proxy_rotated"] == false)
    #expect(run["proxy_endpoint"]?.string?.hasSuffix("://user@127.0.0.1:\(lab.port(name))") == true)
    let pools = try await harness.read("stats", "proxies").array ?? []
    #expect(pools.map { $0["pool"] } == ["p"] && pools.first?["requests"] == 1 && pools.first?["failures"] == 0)
    let ended = run["metrics"]?["ts"]?.string.flatMap { Timestamp($0) }
    #expect(ended != nil && pools.first?["last_used_at"]?.string.flatMap { Timestamp($0) } == ended)
    #expect(try lab.filesThatKnowTheWord(below: harness.path).isEmpty)
    #expect(!(result.standardOutput + result.standardError).contains(lab.word))
  }

  @Test func aWrongPasswordIsSaidWithTheProxysName() async throws {
    let lab = try await ProxyLab.start()
    let harness = try RunHarness()
    let script = try harness.script("visit.ts", "export default ({ page, job }) => page.goto(job.url);")
    try harness.script("q.yaml", "proxies: { p: { endpoints: [\(lab.endpoint("socks"))] } }\n")
    let result = try await harness.run(
      script, "--config", "q.yaml", "--proxy-pool", "p", "--job", #"{"url":"\#(lab.site)/"}"#,
      environment: ["PROXY_WORD": "canary-wrong"].merging(ownBrowser(harness)) { $1 })
    #expect(result.exitCode == 1)
    let name = "the proxy socks5://user@127.0.0.1:\(lab.port("socks")) refuses the username and password"
    #expect(result.standardError.contains(name), "\(result.standardError)")
    #expect(
      result.standardError.contains(
        "failed by its proxy: a fan-out (--depth) or a fleet would let socks5://user@127.0.0.1:\(lab.port("socks")) rest for"
          + " 127.0.0.1 for 5m00s; this command remembers nothing"))
    let pools = try await harness.read("stats", "proxies").array ?? []
    #expect(pools.map { $0["failures"] } == [1] && pools.first?["requests"] == 1)
    #expect(!result.standardError.contains("canary"))
    #expect(lab.asked.isEmpty)
  }

  /// Emits the wish for another proxy where its job says so.
  static let tree = """
    export const config = { browser: false };
    export default async ({ job, run, emit }) => {
      await emit.item({ item_type: 'x', data: { n: job.n ?? 0, run: run.run_id } });
      if (job.rotate) await emit.rotateProxy({ reason: 'captcha' });
      for (const n of job.children ?? []) {
        await emit.enqueue({ target: 'tree.ts', params: { n, url: 'https://shop.test/' + n, rotate: n === 2 } });
      }
    };

    """

  @Test func eachDerivedRunHasItsOwnAndARotationHoldsFromTheNextOn() async throws {
    let harness = try RunHarness()
    let script = try harness.script("tree.ts", Self.tree)
    let endpoints = (1...3).map { "{ protocol: http, host: p\($0).test, port: 80 }" }.joined(separator: ", ")
    try harness.script("q.yaml", "proxies: { p: { strategy: round_robin, endpoints: [\(endpoints)] } }\n")
    let result = try await harness.run(
      script, "--config", "q.yaml", "--proxy-pool", "p", "--depth", "1", "--max-runs", "10", "--job",
      #"{"url":"https://shop.test/","children":[1,2,3,4,5,6]}"#)
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(
      result.standardError.contains(
        "asks for another proxy (captcha): http://p3.test:80 rests for shop.test for 5m00s, for the other runs of this")
    )
    let used = try byNumber(harness.records())
    // The root has p1, the first child p2, the second p3 and gives it up, so two are left to take turns.
    #expect(used == [1, 2, 3, 1, 2, 1, 2].map { "http://p\($0).test:80" })
  }

  @Test func aRotationHoldsForRunsThatBeginWhileTheOneThatWishedForItGoesOn() async throws {
    let harness = try RunHarness()
    // What is put into storage is acknowledged in the order of emission, so the wish has been heard by then.
    let script = try harness.script(
      "burnt.ts",
      """
      import { existsSync, writeFileSync } from 'node:fs';
      export const config = { browser: false };
      const until = async (name) => {
        while (!existsSync(name)) await new Promise((resume) => setTimeout(resume, 10));
      };
      const wait = {
        1: async ({ emit, storage }) => {
          await emit.rotateProxy({ reason: 'captcha' });
          await storage.put({ filename: 'heard', content_type: 'text/plain', data: 'x' });
          writeFileSync('heard', '');
          await until('third');
        },
        2: () => until('heard'),
        3: () => writeFileSync('third', ''),
      };
      export default async ({ job, run, emit, storage }) => {
        await emit.item({ item_type: 'x', data: { n: job.n ?? 0, run: run.run_id } });
        await wait[job.n]?.({ emit, storage });
        for (const n of job.children ?? []) await emit.enqueue({ target: 'burnt.ts', params: { n } });
      };

      """)
    let endpoints = (1...2).map { "{ protocol: http, host: p\($0).test, port: 80 }" }.joined(separator: ", ")
    try harness.script("q.yaml", "proxies: { p: { strategy: round_robin, endpoints: [\(endpoints)] } }\n")
    let result = try await harness.run(
      script, "--config", "q.yaml", "--proxy-pool", "p", "--depth", "1", "--max-runs", "10", "--parallel", "2", "--job",
      #"{"children":[1,2,3]}"#)
    #expect(result.exitCode == 0, "\(result.standardError)")
    // It would be the turn of the second, which the first child had and gave up.
    #expect(try byNumber(harness.records()) == [1, 2, 1, 1].map { "http://p\($0).test:80" })
  }

  /// The proxies of the runs, by the numbers that their items tell.
  private func byNumber(_ records: [JSONValue]) throws -> [String?] {
    var proxies: [String: String] = [:]
    for record in records {
      if let run = record["run_id"]?.string, let proxy = record["proxy_endpoint"]?.string { proxies[run] = proxy }
    }
    return records.compactMap { $0["payload"]?["data"] }.compactMap { data in
      data["n"]?.integer.map { ($0, data["run"]?.string) }
    }.sorted { $0.0 < $1.0 }.map { proxies[$0.1 ?? ""] }
  }

  @Test func aFleetSharesItsChoices() async throws {
    let harness = try RunHarness()
    let word = "canary-" + UUID().uuidString
    try harness.script("tree.ts", Self.tree)
    let endpoints = (1...3).map {
      "{ protocol: socks5, host: p\($0).test, port: 80, username: u, password: \"${PROXY_WORD}\" }"
    }.joined(separator: ", ")
    try harness.script(
      "q.yaml",
      "proxies: { p: { strategy: round_robin, endpoints: [\(endpoints)] } }\nproxy: { pool: p }\nfleet: { name: t }\n")
    let environment = [
      "XDG_STATE_HOME": harness.path + "/state", "XDG_RUNTIME_DIR": harness.path, "PROXY_WORD": word,
    ]
    let common = ["--config", "q.yaml", "--storage-path", harness.data, "--script-root", harness.path]
    let worker = try harness.start(["worker"] + common, environment: environment)
    try await worker.waitForError("serves fleet 't'")
    let crawl = try await harness.start(
      [
        "coordinator", "--script", "tree.ts", "--job-id", "j", "--depth", "1", "--max-runs", "10", "--job",
        #"{"url":"https://shop.test/","children":[1,2,3,4]}"#,
      ] + common, environment: environment
    ).finish()
    #expect(crawl.exitCode == 0, "\(crawl.standardError)")
    try await expectLiveAnswers(harness, environment)
    worker.send(SIGTERM)
    let end = try await worker.finish()
    #expect(end.exitCode == 0, "\(end.standardError)")
    #expect(end.standardError.contains("asks for another proxy (captcha): socks5://u@p"))
    let used = try byNumber(harness.records())
    #expect(used.count == 5 && Set(used.compactMap(\.self)).count == 3)
    #expect(!(end.standardError + crawl.standardError + crawl.standardOutput).contains(word))
    // The state of Redis is among them.
    let lab = FileManager.default.enumerator(atPath: harness.path)?.allObjects.compactMap { $0 as? String } ?? []
    #expect(lab.contains { $0.hasPrefix("state/") })
    for file in lab {
      let holds = FileManager.default.contents(atPath: harness.path + "/" + file)?.range(of: Data(word.utf8)) != nil
      #expect(!holds, "\(file)")
    }
  }

  private func expectLiveAnswers(_ harness: borrowing RunHarness, _ environment: [String: String]) async throws {
    func ask(_ arguments: String...) async throws -> JSONValue {
      let result = try await harness.start(
        arguments + ["--config", "q.yaml", "--format", "json"], environment: environment
      ).finish()
      #expect(result.exitCode == 0, "\(arguments): \(result.standardError)")
      return try JSONParser.parse(result.standardOutput)
    }
    let pool = try await ask("inspect", "proxy", "p")
    #expect(pool["runtime"]?["requests"] == 5 && pool["runtime"]?["rotations"] == 1)
    #expect(pool["runtime"]?["resting"]?.array?.first?["host"] == "shop.test")
    #expect(pool["runtime"]?["last_used_at"]?.string?.isEmpty == false)
    let index = pool["runtime"]?["round_robin_index"]
    let look = try await ask("debug", "resolve", "proxy", "p")
    #expect(look["committed"] == false && look["endpoint"]?["host"]?.string?.hasPrefix("p") == true)
    #expect(try await ask("inspect", "proxy", "p")["runtime"]?["round_robin_index"] == index)
    #expect(try await ask("debug", "resolve", "proxy", "p", "--commit") != look)
    #expect(try await ask("inspect", "proxy", "p")["runtime"]?["requests"] == 6)
    let tasks = try await ask("list", "tasks", "--limit", "1").array ?? []
    let task = try await ask("inspect", "task", tasks.first?["task_id"]?.string ?? "")
    #expect(task["proxy"]?.string?.hasPrefix("socks5://u@p") == true)
  }
}
