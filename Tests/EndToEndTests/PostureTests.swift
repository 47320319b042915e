import Foundation
import QuarryCore
import TestSupport
import Testing

/// One script, precision first and volume first: only the policy differs, and loss is visible and only where it may be.
@Suite struct PostureTests {
  private static let script = """
    export const config = { browser: false };
    export default async ({ emit }) => {
      for (let page = 0; page < 40; page += 1) {
        await emit.item({ item_type: 'page', data: { page } });
        for (let line = 0; line < 25; line += 1) await emit.debug(`page ${page} line ${line}`);
        await emit.enqueue({ target: 'next.ts', params: { page } });
        if (page % 10 === 0) await emit.artifact({ name: `p${page}`, content_type: 'text/plain', data: 'bytes' });
      }
      await emit.checkpoint({ checkpoint_id: 'all' });
    };

    """

  private struct Outcome {
    let report: JSONValue
    let records: [JSONValue]
    let standardError: String
  }

  private func run(_ policy: String...) async throws -> Outcome {
    let harness = try RunHarness()
    let script = try harness.script("pages.ts", Self.script)
    let result = try await harness.start(
      [
        "run", "--script", script, "--storage-path", harness.data, "--report", harness.path + "/report.json",
        "--policy",
      ] + policy
    ).finish()
    #expect(result.exitCode == 0, "\(result.standardError)")
    return Outcome(
      report: try JSONParser.parse(String(contentsOfFile: harness.path + "/report.json", encoding: .utf8)),
      records: try harness.records(), standardError: result.standardError)
  }

  /// The records of one event type by their place in the run, without what differs from run to run.
  private func events(_ outcome: Outcome, _ type: String) -> [Int64: JSONValue] {
    let records = outcome.records.filter { $0["event_type"]?.string == type && $0["record_kind"] != "artifact_chunk" }
    return Dictionary(
      records.map { ($0["seq"]?.integer ?? -1, $0["payload"] ?? $0["name"] ?? .null) }, uniquingKeysWith: { $1 })
  }

  @Test func theSameScriptLosesNothingOrOnlyWhatMayBeLost() async throws {
    let precise = try await run("strict")
    let quick = try await run("buffered", "--buffer-events", "50")
    #expect(precise.report["policy"]?["events_dropped"]?.integer == 0)
    for type in ["item", "checkpoint", "artifact", "run_complete"] {
      #expect(!events(precise, type).isEmpty)
      #expect(events(quick, type) == events(precise, type), "\(type)")
    }
    var dropped: [String: JSONValue] = [:]
    for type in ["log", "enqueue"] {
      let (all, kept) = (events(precise, type), events(quick, type))
      #expect(kept.allSatisfy { all[$0.key] == $0.value }, "\(type)")
      #expect(kept.count < all.count, "nothing had to be dropped")
      dropped[type] = .integer(Int64(all.count - kept.count))
    }
    #expect(quick.report["metrics"]?["dropped_by_type"] == .object(dropped))
    let metrics = quick.records.first { $0["record_kind"] == "metrics" }
    #expect(metrics?["dropped_by_type"] == .object(dropped))
    #expect(quick.standardError.contains("the buffer is full"), "\(quick.standardError)")
    #expect(quick.standardError.contains("dropped while the buffer was full: "), "\(quick.standardError)")
  }
}
