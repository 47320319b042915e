import Foundation
import QuarryCore
import TestSupport
import Testing

/// Compressed and checked data, from `quarry run` to the commands that read it.
@Suite struct StoredFormTests {
  private static let script = """
    export const config = { browser: false };
    export default async ({ job, emit, storage }) => {
      await storage.put({ filename: 'a.txt', content_type: 'text/plain', data: Buffer.from('hello') });
      for (let n = 0; n < 200; n += 1) {
        await emit.item({ item_type: 'x', data: { n, text: 'a page like many others, ünï\\u2028' } });
      }
      await emit.artifact({ name: 'page.bin', content_type: 'a/b', data: Buffer.alloc(9_000_000, job.byte) });
    };

    """

  /// Runs of every form in one dataset, the last of them by its configuration.
  private func prepare(_ harness: borrowing RunHarness) async throws {
    let script = try harness.script("all.ts", Self.script)
    try harness.script("q.yaml", "storage: { compression: zstd, checksum: md5 }\n")
    let forms = [
      [], ["--storage-compression", "gzip"],
      ["--storage-checksum", "md5", "--policy", "streaming", "--flush-count", "50"],
      ["--config", harness.path + "/q.yaml"],
    ]
    for (index, flags) in forms.enumerated() {
      let run = try await harness.start(
        ["run", "--script", script, "--storage-path", harness.data, "--run-id", "r-\(index)", "--job"]
          + [#"{"byte":\#(index)}"#] + flags
      ).finish()
      #expect(run.exitCode == 0, "\(run.standardError)")
    }
  }

  private func files(_ run: Int, _ harness: borrowing RunHarness) throws -> [String] {
    try harness.files { $0.contains("run_id=r-\(run)/") && $0.contains("/data/data") }
  }

  private func cat(_ harness: borrowing RunHarness, _ arguments: String...) async throws -> ProcessResult {
    try await harness.start(["cat", "--storage-path", harness.data] + arguments).finish()
  }

  @Test func everyCommandReadsEveryForm() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    for (run, ending) in ["/data", "/data.gz", "/data", "/data.zst"].enumerated() {
      let files = try files(run, harness)
      #expect(!files.isEmpty && files.allSatisfy { $0.hasSuffix(ending) }, "\(files)")
    }
    let numbers = try await cat(harness, "--type", "item", "--field", "data.n")
    #expect(numbers.exitCode == 0 && numbers.standardError.isEmpty, "\(numbers.standardError)")
    #expect(numbers.standardOutput == String(repeating: (0..<200).map { "\($0)\n" }.joined(), count: 4))
    let runs = try await harness.read("list", "runs").array ?? []
    #expect(runs.map { $0["state"]?.string } == ["succeeded", "succeeded", "succeeded", "succeeded"])
    for run in 0..<4 {
      let detail = try await harness.read("inspect", "run", "r-\(run)")
      #expect(detail["events"]?["item"] == 200 && detail["artifacts"]?.array?.first?["state"] == "complete")
      let path = "\(harness.path)/\(run).bin"
      let got = try await harness.quarry(
        "artifact", "get", "r-\(run)", "page.bin", "-o", path, "--storage-path", harness.data)
      #expect(got.exitCode == 0, "\(got.standardError)")
      #expect(FileManager.default.contents(atPath: path) == Data(repeating: UInt8(run), count: 9_000_000))
      let chunks = try await cat(harness, "--run", "r-\(run)", "--type", "artifact")
      let lines = try chunks.standardOutput.split(separator: "\n").map { try JSONParser.parse(String($0)) }
      let checked = lines.filter { $0["record_kind"] == "artifact_chunk" }.map { $0["checksum_algo"] == "md5" }
      #expect(checked.count == 9 && checked.allSatisfy { $0 == (run >= 2) }, "\(run): \(checked)")
    }
    try await harness.expectSound()
  }

  /// Without a checksum such a change goes unnoticed: it is JSON, and base64, all the same.
  @Test func checksumsTellWhatChangedOnTheDisk() async throws {
    let harness = try RunHarness()
    try await prepare(harness)
    func change(_ run: Int, _ type: String, _ old: String, _ new: String) throws -> String {
      let path = try #require(try files(run, harness).first { $0.contains("event_type=\(type)/") })
      let text = try String(contentsOfFile: path, encoding: .utf8)
      let range = try #require(text.range(of: old))
      try text.replacingCharacters(in: range, with: new).write(toFile: path, atomically: false, encoding: .utf8)
      return path
    }
    let item = try change(2, "item", "like many others", "like many othars")
    _ = try change(0, "item", "like many others", "like many othars")
    let artifact = try change(2, "artifact", "AgICAgICAgIC", "AgICAgICAgIB")
    let verify = try await harness.quarry("lode", "verify", "--storage-path", harness.data)
    #expect(verify.exitCode == 1)
    let findings = try JSONParser.parse(verify.standardOutput)["findings"]?.array ?? []
    let checksums = findings.filter { $0["kind"] == "checksum" }.compactMap { $0["place"]?.string }
    #expect(checksums.sorted() == [item, artifact].sorted(), "\(findings)")
    #expect(
      findings.contains {
        $0["place"]?.string == artifact && $0["message"]?.string?.contains("its checksum is") == true
      })
    let got = try await harness.quarry("artifact", "get", "r-2", "page.bin", "--storage-path", harness.data)
    #expect(got.exitCode == 1 && got.standardError.contains("its checksum is"), "\(got.standardError)")
    #expect(!FileManager.default.fileExists(atPath: harness.path + "/page.bin"))
  }
}
