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

  @Test func anEmptyPlaceHasNone() async throws {
    let harness = try RunHarness()
    let result = try await harness.quarry("lode", "index", "--storage-path", harness.data)
    #expect(result.exitCode == 1 && result.standardError.contains("no runs in"))
  }
}
