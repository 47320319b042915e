import Foundation
import QuarryCore
import TestSupport
import Testing

/// Sixteen processes that write strict into one dataset at once, ten times.
@Suite struct ManyWritersTests {
  static let processes = 16
  static let rounds = 10
  static let items = 20

  @Test func allSucceedOnOneLinearChain() async throws {
    let harness = try RunHarness()
    let script = try harness.script("numbers.ts", RunCommandTests.plain)
    for round in 0..<Self.rounds {
      let running = try (0..<Self.processes).map { index in
        try harness.start([
          "run", "--script", script, "--storage-path", harness.data, "--run-id", "run-\(round)-\(index)", "--job",
          "{\"count\":\(Self.items)}",
        ])
      }
      for process in running {
        let result = try await process.finish(within: .seconds(120))
        #expect(result.exitCode == 0, "round \(round): \(result.standardError)")
      }
    }
    let perRun = Dictionary(grouping: try harness.items()) { $0["run_id"]?.string ?? "" }
    #expect(perRun.count == Self.processes * Self.rounds)
    #expect(perRun.values.allSatisfy { $0.count == Self.items })
    try expectLinearChain(harness.data + "/datasets/quarry")
    #expect(try await harness.read("list", "runs", "--limit", "1000").array?.count == Self.processes * Self.rounds)
    try await harness.expectSound()
  }

  /// Every manifest lies on the one way from `latest` to the first.
  private func expectLinearChain(_ dataset: String) throws {
    let ids = Set(try FileManager.default.contentsOfDirectory(atPath: dataset + "/segments"))
    var next: String? = try String(contentsOfFile: dataset + "/latest", encoding: .utf8)
    var seen: Set<String> = []
    while let id = next {
      #expect(seen.insert(id).inserted)
      let manifest = try JSONParser.parse(
        String(contentsOfFile: "\(dataset)/segments/\(id)/manifest.json", encoding: .utf8))
      next = manifest["parent_snapshot_id"]?.string
      if let next { #expect((Int64(next) ?? .max) < (Int64(id) ?? 0)) }
    }
    #expect(seen == ids)
  }
}
