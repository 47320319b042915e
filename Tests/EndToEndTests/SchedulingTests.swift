import QuarryCore
import TestSupport
import Testing

/// Which scheduling policy a run's processes have: `quarry` gives way, what it starts does not.
@Suite struct SchedulingTests {
  /// Emits the policies of its own process and of all above it, its own first (proc(5), `stat`, fields 4 and 41).
  private static let policies = """
    import { readFileSync } from 'node:fs';
    export const config = { browser: false };
    export default async ({ emit }) => {
      const policies = [];
      for (let id = 'self'; id !== '0';) {
        const stat = readFileSync(`/proc/${id}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        policies.push({ program: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')), policy: Number(fields[38]) });
        id = fields[1];
      }
      await emit.item({ item_type: 'policies', data: { policies } });
    };

    """
  private static let usual: Int64 = 0
  private static let batch: Int64 = 3

  /// The second case is one whose executor is started after the command line was read.
  @Test(arguments: [[], ["--resolve-from", "."]])
  func onlyQuarryGivesWay(_ flags: [String]) async throws {
    let harness = try RunHarness()
    let script = try harness.script("policies.ts", Self.policies)
    let result = try await harness.start(["run", "--script", script, "--storage-path", harness.data] + flags).finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    let processes = try #require(try harness.items().first?["payload"]?["data"]?["policies"]?.array)
    #expect(processes.first?["policy"]?.integer == Self.usual)
    let quarry = try #require(processes.first { $0["program"]?.string == "quarry" })
    #expect(quarry["policy"]?.integer == Self.batch)
    let below = processes.prefix { $0["program"]?.string != "quarry" }
    #expect(below.allSatisfy { $0["policy"]?.integer == Self.usual }, "\(below)")
  }
}
