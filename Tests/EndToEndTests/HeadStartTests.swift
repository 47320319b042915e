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

  /// A shepherd that writes a line to a file each time it is started.
  private static func countingShepherd(_ harness: borrowing RunHarness) throws -> (path: String, starts: () -> Int) {
    let real = URL(fileURLWithPath: BuiltProducts.quarry).deletingLastPathComponent().path + "/quarry-shepherd"
    let count = harness.path + "/starts"
    let path = try harness.script("shepherd", "#!/bin/sh\necho >> '\(count)'\nexec '\(real)' \"$@\"\n")
    chmod(path, 0o755)
    return (path, { FileManager.default.contents(atPath: count)?.count ?? 0 })
  }

  /// The second case takes the flag that another executor may follow from.
  @Test(arguments: [[], ["--resolve-from", "."]])
  func aRunStartsOneExecutor(_ flags: [String]) async throws {
    let harness = try RunHarness()
    let shepherd = try Self.countingShepherd(harness)
    let script = try harness.script("item.ts", Self.item)
    let result = try await harness.start(
      ["run", "--script", script, "--storage-path", harness.data] + flags,
      environment: ["QUARRY_SHEPHERD": shepherd.path]
    ).finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(try harness.items().count == 1)
    #expect(shepherd.starts() == 1)
  }

  @Test func aRefusedRunLeavesNoExecutor() async throws {
    let harness = try RunHarness()
    let mark = "HEAD_START_MARK=\(UUIDv7.make())"
    let shepherd = try Self.countingShepherd(harness)
    let result = try await harness.start(
      ["run", "--script", "missing.ts", "--storage-path", harness.data],
      environment: ["QUARRY_SHEPHERD": shepherd.path, "HEAD_START_MARK": String(mark.split(separator: "=")[1])]
    ).finish()
    #expect(result.exitCode == 2, "\(result.standardError)")
    #expect(shepherd.starts() == 1, "it was started before the script was looked for")
    #expect(await ProcessWatch.noneIsLeft { Self.processes(withEnvironment: mark) })
  }

  private static func processes(withEnvironment entry: String) -> [pid_t] {
    let ids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return ids.compactMap { pid_t($0) }.filter { id in
      let environment = FileManager.default.contents(atPath: "/proc/\(id)/environ") ?? Data()
      return environment.split(separator: 0).contains { String(decoding: $0, as: UTF8.self) == entry }
    }
  }
}
