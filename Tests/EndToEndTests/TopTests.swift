import Foundation
import QuarryCore
import TestSupport
import Testing

/// `quarry top`, the events of a fleet, and what is said of a job that is known, on a fleet with real processes.
@Suite(.timeLimit(.minutes(10))) struct TopTests {
  /// The root finds nine pages on three hosts, one of them with a name that a terminal would obey; pages wait for `go`.
  private static let site = """
    import { existsSync, writeFileSync } from 'node:fs';
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      if (job.n === undefined) {
        for (let n = 0; n < 9; n++) {
          const host = ['a.example', 'b.example', 'c\\u001b[31m'][n % 3];
          await emit.enqueue({ target: 'site.ts', params: { n, host }, options: { lane: n < 3 ? 'high' : 'low' } });
        }
        return;
      }
      while (!existsSync('go')) await new Promise((done) => setTimeout(done, 20));
      if (job.n === 4) throw new Error('this page is broken');
      if (job.n === 5 && !existsSync('tried')) {
        writeFileSync('tried', '');
        throw new Error('this page fails once');
      }
      await emit.item({ item_type: 'page', data: { n: job.n } });
    };

    """

  private struct Lab: ~Copyable {
    let harness: RunHarness
    let redis: RedisServer
    let coordinator: RunningProcess
    let worker: RunningProcess
    var fleet: [String] { ["--redis", redis.url, "--fleet", "t"] }

    /// A crawl of which as many pages run as the worker has slots, and the others wait.
    static func start() async throws -> Lab {
      let harness = try RunHarness()
      try harness.script("site.ts", TopTests.site)
      var options = RedisServer.Options()
      options.appendOnly = true
      let redis = try RedisServer.start(options)
      let common = ["--redis", redis.url, "--fleet", "t", "--storage-path", harness.data]
      let coordinator = try harness.start(
        [
          "coordinator", "--script", "site.ts", "--job-id", "crawl", "--depth", "1", "--max-runs", "50", "--lease",
          "600s", "--heartbeat",
          "1s", "--attempts", "2", "--retry-base", "100ms", "--host-concurrency", "1", "--allow-dead", "1",
        ] + common)
      try await coordinator.waitForError("crawl", within: .seconds(120))
      let worker = try harness.start(["worker", "--concurrency", "2"] + common)
      let lab = Lab(harness: harness, redis: redis, coordinator: coordinator, worker: worker)
      try await lab.settle()
      return lab
    }

    /// Two pages run, the others are admitted.
    private func settle() async throws {
      while true {
        let top = try await ask("top", "--once", refused: true)
        if top["tasks"]?["running"] == 2, top["tasks"]?["ready"] == 7, top["tasks"]?["done"] == 1 { return }
        try await Task.sleep(for: .milliseconds(100))
      }
    }

    /// - Parameter refused: the fleet may not be there yet: null.
    func ask(_ arguments: String..., refused: Bool = false) async throws -> JSONValue {
      let result = try await harness.start(arguments + ["--format", "json"] + fleet).finish(within: .seconds(120))
      if refused, result.exitCode != 0 { return .null }
      #expect(result.exitCode == 0, "\(arguments): \(result.standardError)")
      return try JSONParser.parse(result.standardOutput)
    }

    func finishCrawl() async throws {
      try harness.script("go", "")
      let result = try await coordinator.finish(within: .seconds(120))
      #expect(result.exitCode == 0, "\(result.standardError)")
    }
  }

  @Test func aFleetIsPrintedOnce() async throws {
    let lab = try await Lab.start()
    let top = try await lab.ask("top")
    #expect(top["fleet"] == "t" && top["state"] == "active" && top["leader"]?.string != nil)
    #expect(top["leader_health"] == .null)
    #expect(top["slots"] == ["up": 1, "lost": 0, "running": 2, "slots": 2])
    #expect(top["lanes"]?.array?.map { $0["lane"] } == ["high", "default", "low"])
    // Of three pages in the high lane two run, each at another host; nothing of a busy host may start.
    #expect(top["lanes"]?.array?.map { $0["ready"] } == [1, 0, 6])
    let hosts = try #require(top["hosts"]?.array)
    #expect(hosts.count == 3 && top["has_more_hosts"] == false)
    #expect(hosts.filter { $0["waits_for"] == "host_slots" }.count == 2, "\(hosts)")
    #expect(hosts.allSatisfy { $0["low"] == 2 })
    let leases = try #require(top["leases"]?.array)
    #expect(leases.count == 2)
    #expect(leases.allSatisfy { ($0["left_ms"]?.integer ?? 0) > 0 && $0["job_id"] == "crawl" })
    #expect(top["workers"]?.array?.first?["running"] == 2)
    #expect(top["jobs"]?.array?.first?["ready"] == 7)

    let text = try await lab.harness.start(["top", "--once", "--format", "table"] + lab.fleet).finish()
    #expect(text.exitCode == 0)
    #expect(text.standardOutput.hasPrefix("fleet 't'  active\nworkers  1 up  0 lost  2 of 2 slots busy"))
    #expect(text.standardOutput.contains(#"c\u001b[31m"#) && !text.standardOutput.contains("\u{1B}"))
    let paced = try await lab.harness.start(["top", "--once", "--interval", "1s"] + lab.fleet).finish()
    #expect(paced.exitCode == 2 && paced.standardError.contains("printed once"))
  }

  @Test func aFleetIsSeenOnATerminal() async throws {
    let lab = try await Lab.start()
    let terminal = try TestTerminal(
      rows: 24, columns: 80, environment: ["QUARRY": BuiltProducts.quarry], directory: lab.harness.path)
    try await terminal.run("stty -a | tail -n +2 > before; echo on the first screen")
    try await terminal.run(
      "$QUARRY top --interval 100ms \(lab.fleet.joined(separator: " ")); echo ended with $?; stty -a | tail -n +2 > after"
    )
    let screen = try await terminal.wait(for: "2 of 2 slots busy")
    #expect(screen.count == 24 && screen[0] == "quarry top  fleet 't'  active", "\(screen)")
    #expect(screen[2].contains("1 done  2 running") && screen[4].contains("1 workers 1   2 hosts 3"), "\(screen)")
    #expect(screen[5].hasPrefix("WORKER_ID") && screen[5].contains("RUNNING*"), "\(screen)")

    try terminal.press("Tab")
    let hosts = try await terminal.wait(for: "hosts") { $0[5].hasPrefix("HOST ") && $0[5].contains("READY*") }
    #expect(hosts[6...8].contains { $0.hasPrefix(#"c\u001b[31m"#) }, "\(hosts)")
    try terminal.press("s", "S")
    try await terminal.wait(for: "another column") { $0[5].contains("RUNNING*") && $0[6].contains("host_slots") }
    try terminal.press("3")
    try await terminal.wait(for: "leases") { $0[5].contains("LEFT*") }
    try terminal.press("4")
    try await terminal.wait(for: "jobs") { $0[6].hasPrefix("crawl ") }

    try terminal.press("p")
    try await terminal.wait(for: "held: p goes on")
    try await lab.finishCrawl()
    try terminal.press("p")
    try await terminal.wait(for: "the end of the crawl") { $0[2].contains("9 done  0 running  1 dead") }

    try terminal.press("?")
    try await terminal.wait(for: "sort by the next column")
    try terminal.press("Escape")
    lab.redis.kill()
    let lost = try await terminal.wait(for: "cannot be read since", within: .seconds(120))
    #expect(lost[2].contains("9 done"), "what was read is still shown: \(lost)")
    try lab.redis.restart()
    try await terminal.wait(for: "the next look", within: .seconds(120)) { $0.last?.hasPrefix("q end") == true }
    for (rows, columns) in [(1, 1), (4, 20), (9, 40), (40, 120)] { try terminal.resize(rows: rows, columns: columns) }
    try await terminal.wait(for: "a large screen") { $0.count == 40 && $0[6].hasPrefix("crawl ") }
    kill(try #require(try terminal.children().first), SIGTERM)
    let end = try await terminal.wait(for: "ended with 0")
    #expect(end.contains("on the first screen"), "\(end)")
    try await terminal.run("cmp before after && echo the terminal is the same")
    try await terminal.wait(for: "the shell") { $0.contains("the terminal is the same") }
  }

  @Test func eventsAreReadFromAnID() async throws {
    let lab = try await Lab.start()
    let begun = try #require(try await lab.ask("list", "events", "--from", "0").array)
    #expect(begun.contains { $0["type"] == "job_submitted" && $0["job_id"] == "crawl" })
    #expect(begun.contains { $0["type"] == "worker_up" })
    let last = try #require(begun.last?["event_id"]?.string)

    let follow = try lab.harness.start(
      [
        "list", "events", "--from", last, "--follow", "--format", "json", "--type", "run_completed", "--type",
        "task_dead",
      ]
        + lab.fleet)
    try await lab.finishCrawl()
    try await follow.waitForOutput("\"task_dead\"", within: .seconds(120))
    let rest = try #require(try await lab.ask("list", "events", "--from", last, "--type", "run_completed").array)
    #expect(rest.count == 8 && rest.allSatisfy { $0["type"] == "run_completed" })
    for event in rest {
      try await follow.waitForOutput("\"event_id\":\"\(event["event_id"]?.string ?? "none")\"", within: .seconds(120))
    }
    follow.send(SIGINT)
    let followed = try await follow.finish(within: .seconds(120))
    #expect(followed.exitCode == 0)
    #expect(followed.standardOutput.split(separator: "\n").count == 9, "\(followed.standardOutput)")

    let wrong = try await lab.harness.start(["list", "events", "--from", "yesterday"] + lab.fleet).finish()
    #expect(wrong.exitCode == 2 && wrong.standardError.contains("is not the id of an event"))
    // An id from before the oldest event: something may be missing, and that is said.
    let old = try await lab.harness.start(["list", "events", "--from", "1-0", "--format", "json"] + lab.fleet).finish()
    #expect(old.exitCode == 1 && old.standardError.contains("has let go of event 1-0"))
    let few = try await lab.ask("list", "events", "--limit", "2")
    #expect(few.array?.count == 2)
  }

  /// From the ledger: the fleet's Redis is gone by then.
  @Test func theResultOfAJobNeedsNoRedis() async throws {
    let lab = try await Lab.start()
    try await lab.finishCrawl()
    lab.worker.send(SIGTERM)
    _ = try await lab.worker.finish(within: .seconds(120))
    lab.redis.kill()

    let job = try await lab.harness.read("inspect", "job", "crawl")
    #expect(job["state"] == "failed" && job["tasks"] == ["done": 9, "dead": 1, "cancelled": 0])
    let accepted = try #require(job["accepted_run_ids"]?.array)
    #expect(accepted.count == 9)
    let dead = try #require(job["dead"]?.array)
    #expect(dead.count == 1 && dead[0]["attempt"] == 2, "\(dead)")
    #expect(dead[0]["error"]?.string?.contains("this page is broken") == true, "\(dead)")
    let superseded = try #require(job["superseded"]?.array)
    #expect(
      superseded.count == 1 && superseded[0]["state"] == "failed" && superseded[0]["attempt"] == 1, "\(superseded)")
    #expect(superseded.allSatisfy { accepted.contains($0["accepted_run_id"] ?? .null) })
    // The retry hangs below the run it repeats, pages below the root, and each says whether it counts.
    let root = try #require(job["runs"]?.array?.first)
    #expect(root["accepted"] == true && root["children"]?.array?.count == 9)
    let failedOnce = root["children"]?.array?.first { $0["run_id"] == superseded[0]["run_id"] }
    #expect(failedOnce?["accepted"] == false && failedOnce?["children"]?.array?.first?["accepted"] == true)

    let items = try await lab.harness.quarry(
      "cat", "--storage-path", lab.harness.data, "--job", "crawl", "--accepted", "--type", "item", "--field", "data.n")
    #expect(items.standardOutput.split(separator: "\n").sorted() == ["0", "1", "2", "3", "5", "6", "7", "8"])
  }

  @Test func whatASubmissionOfAKnownJobAsksForInVainIsNamed() async throws {
    let lab = try await Lab.start()
    let again = [
      "submit", "--script", "site.ts", "--job-id", "crawl", "--depth", "3", "--attempts", "2", "--host-concurrency",
      "4",
      "--lane", "high", "--category", "other", "--wait", "60s",
    ]
    let result = try await lab.harness.start(again + lab.fleet).finish(within: .seconds(120))
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(
      result.standardError.contains("--depth, --category, --host-concurrency, --lane counted for nothing"),
      "\(result.standardError)")
    try await lab.finishCrawl()
  }
}
