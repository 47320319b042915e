import Foundation
import QuarryCore
import TestSupport
import Testing

/// `quarry run` with the real executor: what a script emits is what the reading commands show.
@Suite struct RunCommandTests {
  static let plain = """
    export const config = { browser: false };
    export default async ({ job, emit }) => {
      for (let n = 0; n < job.count; n += 1) await emit.item({ item_type: 'number', data: { n } });
      await emit.log({ level: 'info', message: 'all said' });
    };

    """

  @Test func itemsEndInTheDatasetAndAreShown() async throws {
    let harness = try RunHarness()
    let script = try harness.script("numbers.ts", Self.plain)
    let result = try await harness.run(script, "--job", #"{"count":3}"#, "--run-id", "r-1", "--job-id", "j-1")
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.standardOutput.isEmpty)
    #expect(result.standardError.contains("r-1"))
    let items = try harness.items()
    #expect(Set(items.compactMap { $0["payload"]?["data"]?["n"]?.integer }) == [0, 1, 2])
    #expect(items.allSatisfy { $0["source"]?.string == "numbers" && $0["category"]?.string == "default" })

    let runs = try await harness.read("list", "runs")
    #expect(runs.array?.count == 1)
    #expect(runs.array?.first?["run_id"]?.string == "r-1")
    #expect(runs.array?.first?["state"]?.string == "succeeded")
    #expect(runs.array?.first?["started_at"]?.string?.isEmpty == false)

    let run = try await harness.read("inspect", "run", "r-1")
    #expect(run["run_id"]?.string == "r-1")
    #expect(run["job_id"]?.string == "j-1")
    #expect(run["state"]?.string == "succeeded")
    #expect(run["attempt"]?.integer == 1)
    #expect(run["parent_run"] == JSONValue.null)
    #expect(run["policy"]?.string == "strict")
    #expect(run["ended_at"]?.string?.isEmpty == false)

    let jobs = try await harness.read("list", "jobs")
    #expect(jobs.array?.first?["job_id"]?.string == "j-1")
    let job = try await harness.read("inspect", "job", "j-1")
    #expect(job["run_ids"]?.array == ["r-1"])
  }

  /// What is stored meanwhile cuts nothing off.
  @Test func whatListenersToTheExitDoIsWaitedForAndHeard() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "exits.ts",
      """
      import { writeFileSync } from 'node:fs';
      export const config = { browser: false };
      export default async ({ emit, job }) => {
        process.on('exit', () => {
          for (const end = Date.now() + 500; Date.now() < end;);
          writeFileSync(job.file, 'cleaned');
          console.error('cleaned up');
        });
        await emit.item({ item_type: 'thing', data: {} });
      };

      """)
    let file = harness.path + "/cleaned"
    let result = try await harness.run(
      script, "--job", #"{"file":"\#(file)"}"#, "--report", harness.path + "/report.json")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let report = try JSONParser.parse(try String(contentsOfFile: harness.path + "/report.json", encoding: .utf8))
    #expect(report["stderr"]?.string?.contains("cleaned up") == true && report["outcome"] == "success")
    #expect(FileManager.default.fileExists(atPath: file))
  }

  @Test func filesAndArtifactsAreShown() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "files.ts",
      """
      export const config = { browser: false };
      export default async ({ emit, storage }) => {
        const { key } = await storage.put({ filename: 'a.txt', content_type: 'text/plain', data: Buffer.from('hello') });
        await emit.artifact({ name: 'page.bin', content_type: 'application/x-test', data: Buffer.alloc(100_000, 7) });
        await emit.item({ item_type: 'key', data: { key } });
      };

      """)
    let result = try await harness.run(script, "--run-id", "files 1", "--source", "übung", "--category", "a/b")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let key = try #require(try harness.items().first?["payload"]?["data"]?["key"]?.string)
    #expect(key.contains("source=%C3%BCbung/category=a%2Fb/"))
    #expect(try String(contentsOfFile: harness.data + "/" + key, encoding: .utf8) == "hello")
    let run = try await harness.read("inspect", "run", "files 1")
    #expect(run["sidecar_files"]?.array?.first?["filename"]?.string == "a.txt")
    #expect(run["artifacts"]?.array?.first?["name"]?.string == "page.bin")
    #expect(run["artifacts"]?.array?.first?["size_bytes"]?.integer == 100_000)
  }

  @Test func aFailingScriptIsExitCodeOne() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "bad.ts",
      "export const config = { browser: false };\nexport default () => { throw new Error('no shop today'); };\n")
    let result = try await harness.run(script, "--run-id", "bad", "--report", "-")
    #expect(result.exitCode == 1)
    #expect(result.standardError.contains("no shop today"))
    #expect(result.standardError.contains(#""outcome": "script_error""#))
    let runs = try await harness.read("list", "runs", "--state", "failed")
    #expect(runs.array?.first?["run_id"]?.string == "bad")
    #expect(try await harness.read("list", "runs", "--state", "succeeded").array?.isEmpty == true)
  }

  @Test(arguments: [
    ("export const a = 1;\n", "default"), ("export default () => {\n  const = 3;\n};\n", "broken.ts:2"),
  ])
  func aScriptThatCannotBeLoadedIsExplained(_ text: String, _ says: String) async throws {
    let harness = try RunHarness()
    let script = try harness.script("broken.ts", text)
    let result = try await harness.run(script)
    #expect(result.exitCode == 2)
    #expect(result.standardError.contains(says), "\(result.standardError)")
    let dry = try await harness.run(script, "--dry-run")
    #expect(dry.exitCode == 1)
    #expect(dry.standardError.contains(says), "\(dry.standardError)")
  }

  @Test func aDryRunTellsWhatIsNearlyAHook() async throws {
    let harness = try RunHarness()
    let script = try harness.script("near.ts", Self.plain + "\nexport const clenup = () => {};\n")
    let result = try await harness.run(script, "--dry-run")
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.standardError.contains("the export clenup is never called or read; did you mean cleanup?"))
  }

  @Test func aDryRunWritesNothing() async throws {
    let harness = try RunHarness()
    let script = try harness.script("numbers.ts", Self.plain)
    let result = try await harness.run(script, "--dry-run")
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: harness.data).isEmpty)
  }

  @Test func theSameRunIDTwiceIsRefused() async throws {
    let harness = try RunHarness()
    let script = try harness.script("numbers.ts", Self.plain)
    #expect(try await harness.run(script, "--job", #"{"count":1}"#, "--run-id", "twice").exitCode == 0)
    let second = try await harness.run(script, "--job", #"{"count":1}"#, "--run-id", "twice", "--source", "other")
    #expect(second.exitCode == 2)
    #expect(second.standardError.contains("twice"))
    #expect(try harness.items().count == 1)
  }

  @Test func theDefaultStorageIsMadeWithANotice() async throws {
    let harness = try RunHarness()
    try harness.script("numbers.ts", Self.plain)
    let result = try await harness.quarry("run", "--script", "numbers.ts", "--job", #"{"count":1}"#)
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.standardError.contains(harness.path + "/quarry-data"))
    #expect(FileManager.default.fileExists(atPath: harness.path + "/quarry-data/datasets/quarry/latest"))
  }

  @Test func aMissingStoragePathSaysWhatToType() async throws {
    let harness = try RunHarness()
    let script = try harness.script("numbers.ts", Self.plain)
    let result = try await harness.quarry("run", "--script", script, "--storage-path", "/nonexistent/data")
    #expect(result.exitCode == 2)
    #expect(result.standardError.contains("mkdir -p '/nonexistent/data'"))
  }

  @Test func quietSaysNothing() async throws {
    let harness = try RunHarness()
    let script = try harness.script("numbers.ts", Self.plain)
    let result = try await harness.run(script, "--job", #"{"count":1}"#, "--quiet")
    #expect(result.exitCode == 0)
    #expect(result.standardError.isEmpty)
  }

  @Test func fanOutRunsWhatIsEnqueued() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "tree.ts",
      """
      export const config = { browser: false };
      export default async ({ job, emit }) => {
        await emit.item({ item_type: 'node', data: { name: job.name ?? 'root' } });
        const name = job.name ?? '';
        for (const child of ['a', 'b', 'a']) await emit.enqueue({ target: 'tree.ts', params: { name: name + child } });
      };

      """)
    let result = try await harness.run(
      script, "--run-id", "root", "--depth", "2", "--max-runs", "50", "--parallel", "2")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let names = try harness.items().compactMap { $0["payload"]?["data"]?["name"]?.string }
    #expect(names.sorted() == ["a", "aa", "ab", "b", "ba", "bb", "root"])
    let run = try await harness.read("inspect", "run", "root")
    #expect(run["children"]?.array?.count == 2)
  }

  @Test func parentsInACircleAreShownOnceEach() async throws {
    let harness = try RunHarness()
    let script = try harness.script("numbers.ts", Self.plain)
    for (id, parent) in [("a", "c"), ("b", "a"), ("c", "b")] {
      let result = try await harness.run(
        script, "--job", #"{"count":1}"#, "--job-id", "j", "--run-id", id, "--attempt", "2", "--parent-run-id", parent)
      #expect(result.exitCode == 0, "\(result.standardError)")
    }
    func ids(_ nodes: JSONValue?) -> [String] {
      (nodes?.array ?? []).flatMap { [$0["run_id"]?.string ?? ""] + ids($0["children"]) }
    }
    #expect(ids(try await harness.read("inspect", "job", "j")["runs"]) == ["a", "b", "c"])
    #expect(ids(try await harness.read("inspect", "run", "b")["children"]) == ["c", "a"])
  }

  @Test func workThatCannotBeRunIsCountedAndExplained() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "bad-child.ts",
      """
      export const config = { browser: false };
      export default async ({ job, emit }) => {
        if (job.n) return;
        await emit.enqueue({ target: 'bad-child.ts', params: { n: 1 }, source: '..' });
        await emit.enqueue({ target: 'bad-child.ts', params: { n: 2 }, options: { delay_ms: 0.2, timeout_ms: 1e5 / 3 } });
      };

      """)
    let result = try await harness.run(
      script, "--run-id", "root", "--depth", "1", "--max-runs", "5", "--report", harness.path + "/report.json")
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(
      result.standardError.contains("of 'bad-child.ts', enqueued by run root, is rejected: source '..'"),
      "\(result.standardError)")
    #expect(result.standardError.contains("1 child run, 1 success, 1 rejected"), "\(result.standardError)")
    let report = try JSONParser.parse(try String(contentsOfFile: harness.path + "/report.json", encoding: .utf8))
    #expect(report["enqueue_rejected"]?.integer == 0)
  }
}
