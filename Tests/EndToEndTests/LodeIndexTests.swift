import Foundation
import QuarryCore
import TestSupport
import Testing

/// `quarry lode index` on what `quarry run` has stored.
@Suite struct LodeIndexTests {
  @Test func theIndexIsMadeKeptAndMadeAnew() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "a.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => { await emit.item({ item_type: 'x', data: { n: 1 } }); };

      """)
    for id in ["r1", "r2"] {
      let run = try await harness.run(script, "--run-id", id, "--job-id", "j1")
      #expect(run.exitCode == 0, "\(run.standardError)")
    }
    let without = try await harness.read("inspect", "job", "j1")
    let made = try await harness.read("lode", "index")
    let path = try #require(made["index"]?.string)
    #expect(made["runs"] == 2 && FileManager.default.fileExists(atPath: path))
    #expect(try await harness.read("lode", "index")["snapshots_read"] == 0)
    #expect(try await harness.read("inspect", "job", "j1") == without)
    try Data("damaged".utf8).write(to: URL(fileURLWithPath: path))
    #expect(try await harness.read("inspect", "job", "j1") == without)
    #expect(try await harness.read("lode", "index", "--anew")["runs"] == 2)
    #expect(try await harness.read("list", "runs", "--job", "j1").array?.count == 2)
    try await harness.expectSound()
  }

  /// Old data is done without by removing days; a run may begin one again.
  @Test func aDayThatWasRemovedIsNotListedAgain() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "a.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => { await emit.item({ item_type: 'x', data: { n: 1 } }); };

      """)
    for id in ["r1", "r2"] { #expect(try await harness.run(script, "--run-id", id).exitCode == 0) }
    #expect(try await harness.read("lode", "index")["runs"] == 2)
    let partitions = "\(harness.data)/datasets/quarry/partitions"
    let days = try FileManager.default.subpathsOfDirectory(atPath: partitions).filter {
      ($0 as NSString).lastPathComponent.hasPrefix("day=")
    }
    for day in days { try FileManager.default.removeItem(atPath: "\(partitions)/\(day)") }
    let verified = try await harness.read("lode", "verify")
    #expect(verified["state"] == "clean")
    #expect(verified["findings"]?.array?.filter { $0["kind"] == "removed" }.count == days.count, "\(verified)")
    #expect(try await harness.read("lode", "repair", "--yes")["manifests"]?.array?.isEmpty == true)
    #expect(try await harness.run(script, "--run-id", "r3").exitCode == 0)
    // Where the file system does not say when the day's folder was made, what is gone is named besides.
    func answer(_ arguments: String...) async throws -> JSONValue {
      let result = try await harness.start(arguments + ["--storage-path", harness.data, "--format", "json"]).finish()
      return try JSONParser.parse(result.standardOutput)
    }
    for runs in [try await answer("list", "runs", "--state", "succeeded"), try await answer("list", "runs")] {
      #expect(runs.array?.map { $0["run_id"] } == ["r3"], "\(runs)")
    }
    #expect(try await answer("stats", "runs")["total"] == 1)
  }

  @Test func anEmptyPlaceHasNone() async throws {
    let harness = try RunHarness()
    let result = try await harness.quarry("lode", "index", "--storage-path", harness.data)
    #expect(result.exitCode == 1 && result.standardError.contains("no dataset in"))
  }
}
