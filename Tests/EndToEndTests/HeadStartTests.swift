import Foundation
import QuarryCore
import TestSupport
import Testing

/// The executor that is started before the command line is read.
@Suite struct HeadStartTests {
  private static let item = """
    export const config = { browser: false };
    export default async ({ emit }) => { await emit.item({ item_type: 'one', data: {} }); };

    """

  /// A shepherd that counts its starts in the harness' folder.
  private struct CountingShepherd {
    let count: String
    var starts: Int { FileManager.default.contents(atPath: count)?.count ?? 0 }
    var environment: [String: String] {
      [
        "QUARRY_SHEPHERD": BuiltProducts.root + "/Tests/EndToEndTests/Executors/counting-shepherd",
        "SHEPHERD_STARTS": count,
        "SHEPHERD_PROGRAM": URL(fileURLWithPath: BuiltProducts.quarry).deletingLastPathComponent().path
          + "/quarry-shepherd",
      ]
    }

    init(_ harness: borrowing RunHarness) { count = harness.path + "/starts" }
  }

  /// The second case takes the flag that another executor may follow from.
  @Test(arguments: [[], ["--resolve-from", "."]])
  func aRunStartsOneExecutor(_ flags: [String]) async throws {
    let harness = try RunHarness()
    let shepherd = CountingShepherd(harness)
    let script = try harness.script("item.ts", Self.item)
    let result = try await harness.start(
      ["run", "--script", script, "--storage-path", harness.data] + flags,
      environment: shepherd.environment
    ).finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(try harness.items().count == 1)
    #expect(shepherd.starts == 1)
  }

  /// The job comes from the shepherd itself, so the run is refused only after that was started.
  @Test func aRefusedRunLeavesNoExecutor() async throws {
    let harness = try RunHarness()
    let job = harness.path + "/job"
    try #require(mkfifo(job, 0o600) == 0)
    let shepherd = CountingShepherd(harness)
    let mark = UUIDv7.make().description
    let result = try await harness.quarry(
      "run", "--script", try harness.script("item.ts", Self.item), "--storage-path", harness.data, "--job-json", job,
      environment: shepherd.environment.merging(["SHEPHERD_FEEDS": job, "HEAD_START_MARK": mark]) { $1 })
    #expect(result.exitCode == 2, "\(result.standardError)")
    #expect(result.standardError.contains("not JSON"))
    #expect(shepherd.starts == 1)
    #expect(await ProcessWatch.noneIsLeft { Self.processes(withEnvironment: "HEAD_START_MARK=\(mark)") })
  }

  private static func processes(withEnvironment entry: String) -> [pid_t] {
    let ids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return ids.compactMap { pid_t($0) }.filter { id in
      let environment = FileManager.default.contents(atPath: "/proc/\(id)/environ") ?? Data()
      return environment.split(separator: 0).contains { String(decoding: $0, as: UTF8.self) == entry }
    }
  }
}
