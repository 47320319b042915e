import Foundation
import QuarryCore
import TestSupport
import Testing

/// `quarry lode verify` on what `quarry run` has stored.
@Suite struct LodeVerifyTests {
  private static let script = """
    export const config = { browser: false };
    export default async ({ emit, storage }) => {
      await storage.put({ filename: 'a.txt', content_type: 'text/plain', data: Buffer.from('hello') });
      for (let n = 0; n < 50; n += 1) {
        await emit.item({ item_type: 'x', data: { n, text: 'ünï\\u2028 "x"' } });
        await emit.log({ level: 'info', message: `step ${n}` });
      }
      await emit.artifact({ name: 'page.bin', content_type: 'a/b', data: Buffer.alloc(3_000_000, 7) });
    };

    """

  private func verify(_ harness: borrowing RunHarness, _ arguments: String...) async throws -> (Int32, JSONValue) {
    let result = try await harness.start(["lode", "verify", "--storage-path", harness.data] + arguments).finish()
    return (result.exitCode, try JSONParser.parse(result.standardOutput))
  }

  /// Each policy, also one that drops: what it drops is no damage.
  @Test(arguments: [
    ["strict"], ["streaming", "--flush-count", "7"], ["buffered", "--buffer-events", "5"],
    ["buffered", "--buffer-bytes", "20000", "--flush-mode", "two_phase"],
  ])
  func aDatasetOfOursIsClean(_ policy: [String]) async throws {
    let harness = try RunHarness()
    let script = try harness.script("all.ts", Self.script)
    let run = try await harness.start(
      ["run", "--script", script, "--storage-path", harness.data, "--policy"] + policy
    ).finish()
    #expect(run.exitCode == 0, "\(run.standardError)")
    let (code, answer) = try await verify(harness)
    #expect(code == 0 && answer["state"] == "clean" && answer["findings"]?.array?.isEmpty == true, "\(answer)")
    #expect(answer["runs"] == 1 && answer["artifacts"] == 1 && answer["sidecar_files"] == 1)
    #expect(answer["records"]?.integer == Int64(try harness.records().count))
  }

  @Test func damageIsSaidWithItsPlace() async throws {
    let harness = try RunHarness()
    let script = try harness.script("all.ts", Self.script)
    let run = try await harness.run(script, "--run-id", "r-1")
    #expect(run.exitCode == 0, "\(run.standardError)")
    let item = try #require(try harness.files { $0.contains("event_type=item/") && $0.hasSuffix("/data/data") }.first)
    let file = try #require(FileHandle(forWritingAtPath: item))
    try file.write(contentsOf: Data("XX".utf8))
    try FileManager.default.createDirectory(
      atPath: harness.data + "/datasets/quarry/partitions/source=x", withIntermediateDirectories: false)
    let (code, answer) = try await verify(harness)
    #expect(code == 1 && answer["state"] == "damaged")
    let findings = answer["findings"]?.array ?? []
    #expect(findings.first?["kind"] == "line" && findings.first?["place"]?.string == item, "\(findings)")
    #expect(findings.first?["run_id"] == "r-1" && findings.first?["message"] == "line 1: no JSON object")
    #expect(findings.last?["severity"] == "note" && findings.last?["kind"] == "leftover")
    #expect(answer["errors"]?.integer == Int64(findings.count - 1) && answer["notes"] == 1)
    let (_, one) = try await verify(harness, "--limit", "1")
    #expect(one["findings"]?.array?.count == 2 && one["errors"] == answer["errors"])
    let table = try await harness.quarry("lode", "verify", "--storage-path", harness.data, "--format", "table")
    #expect(table.exitCode == 1 && table.standardOutput.contains("state          damaged"), "\(table.standardOutput)")
  }

  /// An old `latest` is put back; all commands say so, show everything, and what they say to type helps. So it is after a
  /// loss that only a repair mends.
  @Test func whatIsLostIsToldByAllAndBroughtBackByWhatTheySay() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "one.ts",
      "export const config = { browser: false };\nexport default ({ emit }) => emit.item({ item_type: 'x', data: {} });\n"
    )
    for id in ["r-1", "r-2", "r-3"] {
      let run = try await harness.run(script, "--run-id", id)
      #expect(run.exitCode == 0, "\(run.standardError)")
    }
    let pointer = harness.data + "/datasets/quarry/latest"
    let old = try #require(
      try FileManager.default.contentsOfDirectory(atPath: harness.data + "/datasets/quarry/segments").min())
    try old.write(toFile: pointer, atomically: true, encoding: .utf8)
    let commands = [
      ["list", "runs"], ["stats", "runs"], ["stats", "metrics"], ["cat", "--type", "item"], ["inspect", "run", "r-3"],
      ["lode", "verify"],
    ]
    for words in commands {
      let answer = try await harness.start(words + ["--storage-path", harness.data]).finish()
      #expect(answer.exitCode == 1, "\(words): \(answer.standardError)")
      #expect((answer.standardError + answer.standardOutput).contains("`quarry lode repair --yes"), "\(words)")
      if words[0] == "list" { #expect(try JSONParser.parse(answer.standardOutput).array?.count == 3) }
      if words[0] == "cat" { #expect(answer.standardOutput.split(separator: "\n").count == 3) }
    }
    let refused = try await harness.quarry("lode", "gc", "--yes", "--storage-path", harness.data)
    #expect(refused.exitCode != 0 && refused.standardError.contains("nothing is removed"), "\(refused.standardError)")
    let repair = try await harness.quarry("lode", "repair", "--yes", "--storage-path", harness.data)
    #expect(repair.exitCode == 0, "\(repair.standardError)")
    #expect(try JSONParser.parse(repair.standardOutput)["repaired"] == 1)
    for words in commands {
      let answer = try await harness.start(words + ["--storage-path", harness.data]).finish()
      #expect(answer.exitCode == 0, "\(words): \(answer.standardError)")
    }
    let again = try await harness.quarry("lode", "repair", "--dry-run", "--storage-path", harness.data)
    #expect(again.exitCode == 0)
    #expect(try JSONParser.parse(again.standardOutput)["repairable"] == 0)
  }

  @Test func aPlaceWithoutADatasetIsNotClean() async throws {
    let harness = try RunHarness()
    let result = try await harness.quarry("lode", "verify", "--storage-path", harness.data)
    #expect(result.exitCode == 1 && result.standardError.contains("no dataset in \(harness.data)/datasets/quarry"))
    let missing = try await harness.quarry("lode", "verify", "--storage-path", harness.path + "/none")
    #expect(missing.exitCode == 2)
  }
}
