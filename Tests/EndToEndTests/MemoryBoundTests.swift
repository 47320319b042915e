import Foundation
import QuarryCore
import TestSupport
import Testing

/// The runtime's memory does not grow with what passes through it.
@Suite struct MemoryBoundTests {
  static let limit = 64 << 20

  @Test(arguments: [["strict"], ["streaming", "--flush-count", "500"]])
  func artifactsPassThrough(_ policy: [String]) async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "large.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => {
        const data = Buffer.alloc(8 * 1024 * 1024, 65);
        for (let n = 0; n < 12; n += 1) await emit.artifact({ name: `a${n}`, content_type: 'text/plain', data });
      };

      """)
    let process = try harness.start(
      [
        "run", "--script", script, "--storage-path", harness.data, "--report", harness.path + "/report.json",
        "--policy",
      ] + policy)
    let peak = await peakMemory(of: process.pid)
    let result = try await process.finish(within: .seconds(120))
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(peak > 0)
    #expect(peak <= Self.limit, "peak \(peak >> 20) MiB")
    let report = try JSONParser.parse(String(contentsOfFile: harness.path + "/report.json", encoding: .utf8))
    #expect(report["artifacts"]?["committed"]?.integer == 12)
    #expect(report["artifacts"]?["bytes"]?.integer == 100_663_296)
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
