import Foundation
import QuarryCore
import TestSupport
import Testing

/// `quarry artifact get` on what a script has stored.
@Suite struct ArtifactGetTests {
  private static let content = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: ($0 * 31) >> 3) })

  private func prepare(_ harness: borrowing RunHarness) async throws {
    let script = try harness.script(
      "files.ts",
      """
      export const config = { browser: false };
      export default async ({ emit, storage }) => {
        const data = Buffer.from(Array.from({ length: 3_000_000 }, (_, n) => (n * 31) >> 3));
        await emit.artifact({ name: 'page.bin', content_type: 'application/x-test', data });
        await storage.put({ filename: 'a.txt', content_type: 'text/plain', data: Buffer.from('hello') });
        await storage.put({ filename: 'both', content_type: 'text/plain', data: Buffer.from('file') });
        await emit.artifact({ name: 'both', content_type: 'text/plain', data: Buffer.from('artifact') });
        for (const name of ['../up', '.hidden', 'a/b', '-o']) {
          await emit.artifact({ name, content_type: 'text/plain', data: Buffer.from(name) });
        }
      };

      """)
    let result = try await harness.run(script, "--run-id", "r-1")
    #expect(result.exitCode == 0, "\(result.standardError)")
  }

  private func get(_ harness: borrowing RunHarness, _ arguments: String...) async throws -> ProcessResult {
    try await harness.start(["artifact", "get", "--storage-path", harness.data] + arguments).finish()
  }

  @Test func artifactsAndFilesComeOutWhole() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let named = try await get(harness, "r-1", "page.bin")
    #expect(named.exitCode == 0 && named.standardOutput.isEmpty, "\(named.standardError)")
    #expect(named.standardError.contains("\(harness.path)/page.bin: 3000000 bytes, application/x-test"))
    #expect(FileManager.default.contents(atPath: harness.path + "/page.bin") == Self.content)

    #expect(try await get(harness, "r-1", "a.txt", "-o", "-").standardOutput == "hello")
    #expect(try await get(harness, "r-1", "files/both", "-o", "-").standardOutput == "file")
    let id = try #require(try artifact("both", harness))
    #expect(try await get(harness, "r-1", id, "--output", harness.path + "/x").exitCode == 0)
    #expect(try String(contentsOfFile: harness.path + "/x", encoding: .utf8) == "artifact")
    #expect(try leftovers(harness) == [])
  }

  @Test func nothingIsOverwrittenUnasked() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    try harness.script("a.txt", "mine")
    let refused = try await get(harness, "r-1", "a.txt")
    #expect(refused.exitCode == 2)
    #expect(refused.standardError.contains("\(harness.path)/a.txt is there already"))
    #expect(try String(contentsOfFile: harness.path + "/a.txt", encoding: .utf8) == "mine")
    // A link that leads nowhere is not written through.
    try FileManager.default.createSymbolicLink(
      atPath: harness.path + "/link", withDestinationPath: harness.path + "/to")
    #expect(try await get(harness, "r-1", "a.txt", "-o", "link").exitCode == 2)
    #expect(!FileManager.default.fileExists(atPath: harness.path + "/to"))
    #expect(try await get(harness, "r-1", "a.txt", "--force").exitCode == 0)
    #expect(try String(contentsOfFile: harness.path + "/a.txt", encoding: .utf8) == "hello")
    #expect(try await get(harness, "r-1", "a.txt", "-o", harness.path + "/none/x", "--force").exitCode == 1)
    for folder in [
      try await get(harness, "r-1", "a.txt", "-o", harness.data),
      try await get(harness, "r-1", "a.txt", "-o", harness.data, "--force"),
    ] { #expect(folder.exitCode == 2 && folder.standardError.contains("\(harness.data) is a folder")) }
    #expect(try leftovers(harness) == [])
  }

  @Test(arguments: ["../up", ".hidden", "a/b"])
  func aNameThatLeadsElsewhereIsNotFollowed(_ name: String) async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let before = try harness.files { _ in true }
    let refused = try await get(harness, "r-1", name)
    #expect(refused.exitCode == 2 && refused.standardError.contains("'\(name)' is no name for a new file"))
    #expect(try harness.files { _ in true } == before)
    #expect(try await get(harness, "r-1", name, "-o", "-").standardOutput == name)
  }

  @Test func whatIsNotThereOrNotWholeIsSaid() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let noRun = try await get(harness, "r-9", "x")
    #expect(noRun.exitCode == 1 && noRun.standardError.contains("no run 'r-9'"))
    let noName = try await get(harness, "r-1", "page.bim")
    #expect(noName.exitCode == 1 && noName.standardError.contains("did you mean 'page.bin'?"))
    let two = try await get(harness, "r-1", "both")
    #expect(two.exitCode == 2 && two.standardError.contains("files/both"))

    // Found only when the bytes are read: the file that would come of it is not kept.
    let file = try #require(try chunkFile(of: "page.bin", harness))
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try text.replacing(#""data":""#, with: #""data":"*"#).write(toFile: file, atomically: true, encoding: .utf8)
    let broken = try await get(harness, "r-1", "page.bin")
    #expect(broken.exitCode == 1 && broken.standardError.contains("its data is no base64"), "\(broken.standardError)")
    #expect(!FileManager.default.fileExists(atPath: harness.path + "/page.bin"))

    let others = text.split(separator: "\n").filter { !$0.contains(#""offset":0,"#) }
    try others.map { $0 + "\n" }.joined().write(toFile: file, atomically: true, encoding: .utf8)
    let missing = try await get(harness, "r-1", "page.bin")
    #expect(missing.exitCode == 1, "\(missing.standardError)")
    #expect(missing.standardError.contains("'page.bin' of run 'r-1' cannot be had whole: bytes 0 to "))
    #expect(try leftovers(harness) == [])
  }

  /// The commit is the last line, and holds the name.
  @Test func anArtifactWhoseEndWasCutOffIsSaidToBeThereInPart() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let id = try #require(try artifact("both", harness))
    let file = try #require(try chunkFile(of: "both", harness))
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
    let commit = try #require(lines.firstIndex { $0.contains(id) && $0.contains("artifact_event") })
    let kept = lines[..<commit].joined(separator: "\n") + "\n" + lines[commit].prefix(40)
    try kept.write(toFile: file, atomically: false, encoding: .utf8)
    let named = try await get(harness, "r-1", "bothe")
    #expect(named.exitCode == 1 && named.standardError.contains("\(id) (8 bytes)"), "\(named.standardError)")
    #expect(named.standardError.contains("`quarry lode verify --storage-path \(harness.data)`"))
    let byID = try await get(harness, "r-1", id)
    #expect(byID.exitCode == 1 && byID.standardError.contains("its commit was never stored"))
    try "".write(toFile: file, atomically: false, encoding: .utf8)
    let gone = try await get(harness, "r-1", "bothe")
    #expect(gone.standardError.contains("what can be read of run 'r-1' has no artifact"), "\(gone.standardError)")
    #expect(gone.standardError.contains("from a copy of the dataset") && !gone.standardError.contains("inspect run"))
  }

  @Test func aFullDiskLeavesNothing() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    let full = try await get(harness, "r-1", "page.bin", "-o", "/dev/full", "--force")
    #expect(full.exitCode == 1 && full.standardError.contains("No space left on device"))
    let printed = try await runProcess(
      "/bin/sh",
      [
        "-c", "exec \"$0\" artifact get r-1 page.bin -o - --storage-path \"$1\" > /dev/full", BuiltProducts.quarry,
        harness.data,
      ])
    #expect(printed.exitCode == 1 && printed.standardError.contains("could not be written to stdout"))
  }

  private func artifact(_ name: String, _ harness: borrowing RunHarness) throws -> String? {
    try harness.records().first { $0["record_kind"]?.string == "artifact_event" && $0["name"]?.string == name }?[
      "artifact_id"]?.string
  }

  /// The data file with the first bytes of an artifact.
  private func chunkFile(of name: String, _ harness: borrowing RunHarness) throws -> String? {
    let id = try artifact(name, harness) ?? ""
    return try harness.files { $0.contains("/event_type=artifact/") && $0.hasSuffix("/data/data") }.first { path in
      try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").contains {
        $0.contains("artifact_chunk") && $0.contains(id) && $0.contains(#""offset":0,"#)
      }
    }
  }

  private func leftovers(_ harness: borrowing RunHarness) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: harness.path).filter { $0.hasPrefix(".quarry-") }
  }
}
