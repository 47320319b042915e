import Foundation
import QuarryCore
import TestSupport
import Testing

/// The runtime's memory does not grow with what passes through it.
@Suite struct MemoryBoundTests {
  static let limit = 64 << 20

  /// Artifacts that are larger than what a policy buffers, and events between them.
  @Test(arguments: [
    ["strict"], ["streaming", "--flush-count", "500"], ["buffered", "--buffer-events", "500"],
    ["buffered", "--buffer-bytes", "1000000", "--flush-mode", "two_phase"],
  ])
  func artifactsPassThrough(_ policy: [String]) async throws {
    let report = try await run(
      policy,
      """
      export const config = { browser: false };
      export default async ({ emit }) => {
        const data = Buffer.alloc(5 * 1024 * 1024, 65);
        for (let n = 0; n < 40; n += 1) {
          await emit.artifact({ name: `a${n}`, content_type: 'text/plain', data });
          await emit.item({ item_type: 'page', data: { n } });
        }
      };

      """)
    #expect(report["artifacts"]?["committed"]?.integer == 40)
    #expect(report["artifacts"]?["bytes"]?.integer == 209_715_200)
    #expect(report["policy"]?["events_persisted"]?.integer == 81)
  }

  /// One artifact that is far larger than the runtime may become.
  @Test(arguments: [["strict"], ["buffered", "--buffer-events", "500"]])
  func aLargeArtifactPassesThrough(_ policy: [String]) async throws {
    let report = try await run(
      policy,
      """
      export const config = { browser: false };
      export default ({ emit }) =>
        emit.artifact({ name: 'large', content_type: 'text/plain', data: Buffer.alloc(256 * 1024 * 1024, 65) });

      """)
    #expect(report["artifacts"]?["committed"]?.integer == 1)
    #expect(report["artifacts"]?["bytes"]?.integer == 268_435_456)
  }

  /// The same artifact on its way out.
  @Test func aLargeArtifactComesOut() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "large.ts",
      """
      export const config = { browser: false };
      export default ({ emit }) =>
        emit.artifact({ name: 'large', content_type: 'text/plain', data: Buffer.alloc(256 * 1024 * 1024, 65) });

      """)
    let stored = try await harness.run(script, "--run-id", "r-1")
    #expect(stored.exitCode == 0, "\(stored.standardError)")
    let process = try harness.start(["artifact", "get", "r-1", "large", "--storage-path", harness.data])
    let peak = await peakMemory(of: process.pid)
    let result = try await process.finish(within: .seconds(240))
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(peak > 0)
    #expect(peak <= Self.limit, "peak \(peak >> 20) MiB")
    let size = try FileManager.default.attributesOfItem(atPath: harness.path + "/large")[.size] as? Int
    #expect(size == 268_435_456)

    let check = try harness.start(["lode", "verify", "--storage-path", harness.data])
    let peakOfCheck = await peakMemory(of: check.pid)
    let checked = try await check.finish(within: .seconds(240))
    #expect(checked.exitCode == 0, "\(checked.standardOutput)")
    #expect(peakOfCheck <= Self.limit, "peak \(peakOfCheck >> 20) MiB")
  }

  /// The same artifact on its way to a bucket, and out of it.
  @Test(.timeLimit(.minutes(15)), arguments: [["strict"], ["streaming", "--flush-count", "500"]])
  func aLargeArtifactGoesToABucket(_ policy: [String]) async throws {
    let harness = try RunHarness()
    let bucket = try BucketTests.Bucket(.seaweedFS)
    let script = try harness.script(
      "large.ts",
      """
      export const config = { browser: false };
      export default ({ emit }) =>
        emit.artifact({ name: 'large', content_type: 'text/plain', data: Buffer.alloc(256 * 1024 * 1024, 65) });

      """)
    let run = try harness.start(
      ["run", "--script", script, "--run-id", "r-1", "--policy"] + policy + bucket.flags,
      environment: bucket.environment)
    let peak = await peakMemory(of: run.pid)
    let stored = try await run.finish(within: .seconds(600))
    #expect(stored.exitCode == 0, "\(stored.standardError)")
    #expect(peak > 0 && peak <= Self.limit, "peak \(peak >> 20) MiB")

    let get = try harness.start(["artifact", "get", "r-1", "large"] + bucket.flags, environment: bucket.environment)
    let peakOut = await peakMemory(of: get.pid)
    let result = try await get.finish(within: .seconds(600))
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(peakOut > 0 && peakOut <= Self.limit, "peak \(peakOut >> 20) MiB")
    let size = try FileManager.default.attributesOfItem(atPath: harness.path + "/large")[.size] as? Int
    #expect(size == 268_435_456)
  }

  /// Records that are as long as records may be, one after the other.
  @Test func longRecordsPassThroughOnTheirWayOut() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "long.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => {
        for (let n = 0; n < 20; n += 1) {
          await emit.item({ item_type: 'long', data: { n, text: 'x'.repeat(10_000_000) } });
        }
      };

      """)
    let stored = try await harness.run(script)
    #expect(stored.exitCode == 0, "\(stored.standardError)")
    let process = try RunningProcess(
      "/bin/sh",
      [
        "-c", "exec \"$0\" cat --storage-path \"$1\" --type item > \"$1/out\"", BuiltProducts.quarry, harness.data,
      ])
    let peak = await peakMemory(of: process.pid)
    let result = try await process.finish(within: .seconds(240))
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(peak <= Self.limit, "peak \(peak >> 20) MiB")
    let size = try FileManager.default.attributesOfItem(atPath: harness.data + "/out")[.size] as? Int ?? 0
    #expect(size > 200_000_000)
  }

  /// Runs a script, holds the runtime's memory to the limit, and answers the report.
  private func run(_ policy: [String], _ text: String) async throws -> JSONValue {
    let harness = try RunHarness()
    let script = try harness.script("large.ts", text)
    let process = try harness.start(
      [
        "run", "--script", script, "--storage-path", harness.data, "--report", harness.path + "/report.json",
        "--policy",
      ] + policy)
    let peak = await peakMemory(of: process.pid)
    let result = try await process.finish(within: .seconds(240))
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(peak > 0)
    #expect(peak <= Self.limit, "peak \(peak >> 20) MiB")
    return try JSONParser.parse(String(contentsOfFile: harness.path + "/report.json", encoding: .utf8))
  }

  /// The kernel's own high-water mark of the process, read until the process is gone; in bytes.
  private func peakMemory(of pid: pid_t) async -> Int {
    var peak = 0
    while let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
    {
      peak = max(peak, kilobytes << 10)
      try? await Task.sleep(for: .milliseconds(10))
    }
    return peak
  }
}
