import Foundation
import QuarryCore
import TestSupport
import Testing

/// `--log-format json` of real processes: every line of stderr is one object.
@Suite(.timeLimit(.minutes(5))) struct LogFormatTests {
  private static let page = """
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      console.error('a line with "quotes" and \\u001b[31mcolour');
      await emit.item({ item_type: 'page', data: {} });
      if (job.fail) throw new Error('this page is broken');
      if (!job.name) await emit.enqueue({ target: 'page.ts', params: { name: 'bad', fail: true } });
    };

    """

  private func lines(_ text: String) throws -> [JSONValue] {
    try text.split(separator: "\n").map { line in
      let object = try JSONParser.parse(String(line))
      #expect(Timestamp(object["time"]?.string ?? "") != nil, "\(line)")
      #expect(["info", "warning", "error"].contains(object["level"]?.string), "\(line)")
      #expect(object["message"]?.string?.isEmpty == false, "\(line)")
      return object
    }
  }

  @Test func aRunAndItsChildrenAreToldApart() async throws {
    let harness = try RunHarness()
    try harness.script("page.ts", Self.page)
    let result = try await harness.start(
      [
        "run", "--script", "page.ts", "--run-id", "r", "--job-id", "j", "--depth", "1", "--max-runs", "9",
        "--log-format", "json",
      ]
        + ["--storage-path", harness.data, "--report", "-"]
    ).finish(within: .seconds(120))
    let all = try result.standardError.split(separator: "\n").map { try JSONParser.parse(String($0)) }
    // The report is a line too.
    #expect(all.contains { $0["outcome"] == "success" && $0["run_id"] == "r" })
    let told = try lines(
      result.standardError.split(separator: "\n").filter { !$0.contains(#""outcome":"#) }.joined(separator: "\n"))
    #expect(told.allSatisfy { $0["job_id"] == "j" })
    let echoed = told.filter { $0["stream"] == "stderr" }
    #expect(echoed.contains { $0["run_id"] == "r" } && echoed.contains { $0["run_id"] != "r" })
    #expect(echoed.first?["message"] == "a line with \"quotes\" and \u{1b}[31mcolour")
    #expect(told.contains { $0["message"]?.string?.contains("child run") == true && $0["run_id"] != "r" })
    #expect(told.contains { $0["message"]?.string?.hasPrefix("quarry inspect run r") == true })
  }

  @Test func whatIsRefusedIsALineToo() async throws {
    let harness = try RunHarness()
    for command in ["run", "worker", "coordinator"] {
      let result = try await harness.start(
        [command, "--log-format", "json", "--script-root", "/nowhere", "--storage-path", harness.data].filter {
          command != "run" || !["--script-root", "/nowhere"].contains($0)
        }
      ).finish(within: .seconds(120))
      #expect(result.exitCode == 2)
      let line = try #require(try lines(result.standardError).first)
      #expect(line["level"] == "error" && line["remedy"]?.string != nil)
    }
  }

  @Test func aFleetTellsWithItsIDs() async throws {
    let harness = try RunHarness()
    try harness.script("page.ts", Self.page)
    let redis = try RedisServer.start()
    let common = [
      "--redis", redis.url, "--fleet", "t", "--storage-path", harness.data, "--script-root", harness.path,
      "--log-format", "json",
    ]
    let worker = try harness.start(["worker"] + common)
    try await worker.waitForError("serves fleet 't'", within: .seconds(120))
    let crawl = try await harness.start(
      [
        "coordinator", "--script", "page.ts", "--job-id", "j", "--depth", "1", "--max-runs", "9", "--attempts", "1",
        "--lease", "120s",
      ]
        + common
    ).finish(within: .seconds(240))
    #expect(crawl.exitCode == 1)
    let told = try lines(crawl.standardError)
    #expect(told.contains { $0["message"]?.string?.hasPrefix("job j submitted") == true && $0["job_id"] == "j" })
    worker.send(SIGTERM)
    let end = try await worker.finish(within: .seconds(240))
    let runs = try lines(end.standardError)
    #expect(Set(runs.map { $0["worker_id"]?.string }).count == 1 && runs.first?["worker_id"]?.string != nil)
    let echoed = runs.filter { $0["stream"] == "stderr" }
    #expect(echoed.count == 2 && Set(echoed.map { $0["task_id"]?.string }).count == 2, "\(echoed)")
    #expect(echoed.first?["message"] == "a line with \"quotes\" and \u{1b}[31mcolour")
    let failed = try #require(runs.first { $0["message"]?.string?.contains("failed (app)") == true })
    #expect(failed["level"] == "warning" && failed["job_id"] == "j")
    #expect(failed["task_id"]?.string != nil && failed["run_id"]?.string != nil)
  }
}
