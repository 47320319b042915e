import Foundation
import QuarryCore
import TestSupport
import Testing

/// `quarry cat` on what `quarry run` has stored.
@Suite struct CatTests {
  /// Two runs: r-1 with three items and a log, r-2 of another source and job with one item.
  private func prepare(_ harness: borrowing RunHarness) async throws {
    let script = try harness.script(
      "numbers.ts",
      """
      export const config = { browser: false };
      export default async ({ job, emit }) => {
        for (let n = 0; n < job.count; n += 1) {
          await emit.item({ item_type: 'number', data: { n, name: `a "${n}"`, pad: 'x'.repeat(job.pad ?? 0) } });
        }
        await emit.log({ level: 'info', message: 'all said' });
      };

      """)
    let first = try await harness.run(script, "--job", #"{"count":3}"#, "--run-id", "r-1", "--job-id", "j-1")
    #expect(first.exitCode == 0, "\(first.standardError)")
    let second = try await harness.run(script, "--job", #"{"count":1}"#, "--run-id", "r-2", "--source", "second")
    #expect(second.exitCode == 0, "\(second.standardError)")
  }

  private func cat(_ harness: borrowing RunHarness, _ arguments: String...) async throws -> ProcessResult {
    try await harness.start(["cat", "--storage-path", harness.data] + arguments).finish()
  }

  private func lines(_ result: ProcessResult) throws -> [JSONValue] {
    try result.standardOutput.split(separator: "\n").map { try JSONParser.parse(String($0)) }
  }

  @Test func recordsAreLinesOfJSON() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let all = try await cat(harness)
    #expect(all.exitCode == 0 && all.standardError.isEmpty, "\(all.standardError)")
    #expect(try lines(all).count == harness.records().count)
    #expect(all.standardOutput.hasSuffix("}\n"))

    let items = try await cat(harness, "--type", "item", "--run", "r-1")
    #expect(try lines(items).compactMap { $0["payload"]?["data"]?["n"]?.integer } == [0, 1, 2])
    #expect(try lines(try await cat(harness, "--job", "j-1", "--type", "item", "--type", "log")).count == 4)
    let second = try lines(try await cat(harness, "--source", "second", "--category", "default"))
    #expect(Set(second.compactMap { $0["run_id"]?.string }) == ["r-2"])
    #expect(second.filter { $0["record_kind"]?.string == "metrics" }.count == 1)
  }

  @Test func oneValueALine() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    #expect(try await cat(harness, "--field", "data.n").standardOutput == "0\n1\n2\n0\n")
    let names = try await cat(harness, "--run", "r-1", "--field", "data.name")
    #expect(names.standardOutput == #""a \"0\"""# + "\n" + #""a \"1\"""# + "\n" + #""a \"2\"""# + "\n")
    #expect(try await cat(harness, "--run", "r-2", "--field", "/data/name", "--raw").standardOutput == "a \"0\"\n")
    let payloads = try lines(try await cat(harness, "--run", "r-2", "--payload", "--type", "item"))
    #expect(payloads.map { $0["item_type"]?.string } == ["number"])
  }

  @Test func whatIsNotThereIsSaid() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    func expect(_ arguments: String..., code: Int32, says fragments: String...) async throws {
      let result = try await harness.start(["cat", "--storage-path", harness.data] + arguments).finish()
      #expect(result.exitCode == code && result.standardOutput.isEmpty, "\(arguments): \(result.standardError)")
      for text in fragments { #expect(result.standardError.contains(text), "\(arguments): \(result.standardError)") }
    }
    let flags = "--storage-path \(harness.data)"
    let folder = "\(harness.data)/datasets/quarry"
    let day = try #require(try harness.records().first?["day"]?.string)
    try await expect("--run", "r-9", code: 1, says: "no run 'r-9'", "`quarry list runs \(flags)`")
    try await expect("--job", "j-9", code: 1, says: "no runs of job 'j-9'", "`quarry list jobs \(flags)`")
    try await expect("--source", "secnd", code: 1, says: "no source 'secnd' in \(folder)", "did you mean 'second'?")
    try await expect("--source", "xyz", "--run", "r-1", code: 1, says: "no source 'xyz'", "there are: numbers, second")
    try await expect("--category", "c", code: 1, says: "no category 'c' in \(folder)", "there are: default")
    try await expect("--day", "2001-01-01", code: 1, says: "no day '2001-01-01' in \(folder)", "there are: \(day)")
    try await expect("--source", "second", "--run", "r-1", code: 1, says: "no run 'r-1' in what was asked for")
    try await expect("--type", "itme", code: 1, says: "no records of type 'itme'", "did you mean 'item'?")
    try await expect("--type", "xyz", code: 1, says: "there are: item, log, metrics, run_complete")
    try await expect("--field", "data.none", code: 1, says: "no record has 'data.none' in its payload")
    try await expect("--accepted", code: 1, says: "no run counts for a task", "only fleets have a ledger")
    try await expect("--accepted", "--run", "r-1", code: 1, says: "run 'r-1' is not the one that counts")
    try await expect("--day", "yesterday", code: 2, says: "'yesterday' is invalid", "not a day")
    try await expect("--field", "a..b", code: 2, says: "'a..b' is invalid", "no path")
    try await expect("--raw", code: 2, says: "--raw needs --field")
    try await expect("--payload", "--field", "data", code: 2, says: "exclude each other")
    try await expect("--storage-dataset", "other", code: 1, says: "no dataset 'other' in \(harness.data)", "quarry")
  }

  @Test func aLineThatIsNoJSONIsNamedAndNotPrinted() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let item = try #require(
      try harness.files { $0.contains("run_id=r-2/event_type=item/") && $0.hasSuffix("/data/data") }.first)
    let text = try String(contentsOfFile: item, encoding: .utf8)
    // Nothing that its brackets and quotes would tell.
    try text.replacing(#""n":0"#, with: #""n":O"#).write(toFile: item, atomically: false, encoding: .utf8)
    let result = try await cat(harness, "--type", "item")
    #expect(result.exitCode == 1 && result.standardError.contains("\(item): line 1 passed over: no JSON object"))
    #expect(try lines(result).count == 3)
  }

  @Test func damageIsNamedAndIsNoSuccess() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let log = try #require(
      try harness.files { $0.contains("run_id=r-1/event_type=log/") && $0.hasSuffix("/data/data") }.first)
    try FileManager.default.removeItem(atPath: log)
    let result = try await cat(harness, "--run", "r-1")
    #expect(result.exitCode == 1)
    #expect(result.standardError.contains("warning: \(log) is named by a manifest and is not there"))
    #expect(result.standardError.contains("one thing is damaged or missing"))
    #expect(try lines(result).count == 5)
    // What was not asked for is not looked at.
    #expect(try await cat(harness, "--run", "r-1", "--type", "item").exitCode == 0)
  }

  /// As a terminal's end tells it; for one that `nohup` has started it means nothing.
  @Test func aTailHeedsNoHangUpUnderNohup() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let tail = try RunningProcess(
      "/usr/bin/nohup",
      [BuiltProducts.quarry, "cat", "--storage-path", harness.data, "--tail", "--type", "item", "--field", "data.n"],
      directory: harness.path)
    try await tail.waitForOutput("2\n0\n")
    tail.send(SIGHUP)
    let third = try await harness.run(harness.path + "/numbers.ts", "--job", #"{"count":5}"#)
    #expect(third.exitCode == 0, "\(third.standardError)")
    try await tail.waitForOutput("4\n")
    tail.send(SIGTERM)
    #expect(try await tail.finish().exitCode == 0)
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func aTailFollowsRunsUntilItIsStopped(_ signal: Int32) async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let tail = try harness.start([
      "cat", "--storage-path", harness.data, "--tail", "--type", "item", "--field", "data.name", "--raw",
    ])
    try await tail.waitForOutput("a \"2\"\na \"0\"\n")
    let third = try await harness.run(harness.path + "/numbers.ts", "--job", #"{"count":5}"#)
    #expect(third.exitCode == 0, "\(third.standardError)")
    try await tail.waitForOutput("a \"4\"\n")
    tail.send(signal)
    let result = try await tail.finish()
    #expect(result.exitCode == 0 && result.standardError.isEmpty, "\(result.standardError)")
    #expect(result.standardOutput.split(separator: "\n").count == 9)
  }

  /// Also when nothing more is committed that it could fail to write.
  @Test func aTailEndsWhenItsReaderGoes() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let result = try await runProcess(
      "/bin/bash",
      [
        "-c", "\"$0\" cat --storage-path \"$1\" --tail | head -n 1; exit ${PIPESTATUS[0]}", BuiltProducts.quarry,
        harness.data,
      ])
    #expect(result.exitCode == 0 && result.standardError.isEmpty, "\(result.standardError)")
  }

  /// A reader that goes is no error, and nothing more is read for it: the second run's missing file is not noticed.
  @Test func aReaderThatGoesEndsItQuietly() async throws {
    let harness = try RunHarness()
    let script = try harness.script("large.ts", Self.large)
    for run in ["r-1", "r-2"] {
      let result = try await harness.run(script, "--run-id", run)
      #expect(result.exitCode == 0, "\(result.standardError)")
    }
    for file in try harness.files({ $0.contains("run_id=r-2/") && $0.hasSuffix("/data/data") }) {
      try FileManager.default.removeItem(atPath: file)
    }
    let result = try await runProcess(
      "/bin/bash",
      [
        "-c", "\"$0\" cat --storage-path \"$1\" | head -c 10; exit ${PIPESTATUS[0]}", BuiltProducts.quarry,
        harness.data,
      ])
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.standardError.isEmpty)
    #expect(result.standardOutput == #"{"record_k"#)
    let full = try await runProcess(
      "/bin/sh",
      ["-c", "exec \"$0\" cat --storage-path \"$1\" --run r-1 > /dev/full", BuiltProducts.quarry, harness.data])
    #expect(full.exitCode == 1)
    #expect(full.standardError.contains("could not be written to stdout: No space left on device"))
  }

  private static let large = """
    export const config = { browser: false };
    export default async ({ emit }) => {
      for (let n = 0; n < 100; n += 1) await emit.item({ item_type: 'x', data: { n, pad: 'x'.repeat(10_000) } });
    };

    """
}
