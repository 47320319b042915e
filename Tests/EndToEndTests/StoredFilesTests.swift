import Foundation
import QuarryCore
import TestSupport
import Testing

/// `storage.put` from a script to the disk.
@Suite struct StoredFilesTests {
  /// Many at once, a name twice, and a folder that cannot be written for a while: what fails is a rejected promise of
  /// that file alone, and the run goes on.
  @Test func filesAreStoredAtOnceRefusedAloneAndPossibleAgain() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "files.ts",
      """
      import { renameSync, unlinkSync, writeFileSync } from 'node:fs';
      import { dirname, join } from 'node:path';

      export const config = { browser: false };

      export default async ({ job, emit, storage }) => {
        const put = (filename, data) => storage.put({ filename, content_type: 'a/b', data });
        const stored = await Promise.all(
          Array.from({ length: 50 }, (_, n) => put(`f${n}.bin`, Buffer.alloc(100_000, n))),
        );
        const keys = stored.map(({ key }) => key);
        const refused = (promise) => promise.then(() => 'stored', (error) => `${error.name}: ${error.message}`);
        const twice = await refused(put('f1.bin', 'other'));
        const folder = join(job.root, dirname(keys[0]));
        renameSync(folder, `${folder}.away`);
        writeFileSync(folder, 'in the way');
        const blocked = await refused(put('late.bin', 'x'));
        unlinkSync(folder);
        renameSync(`${folder}.away`, folder);
        const { key } = await put('late.bin', 'x');
        await emit.item({ item_type: 'result', data: { keys: [...keys, key], twice, blocked } });
      };

      """)
    let result = try await harness.run(
      script, "--source", "a/b c", "--job", #"{"root":"\#(harness.data)"}"#, "--report", harness.path + "/report.json")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let data = try #require(try harness.items().first?["payload"]?["data"])
    #expect(data["twice"]?.string?.hasPrefix("StorageWriteError: ") == true)
    #expect(data["twice"]?.string?.contains("'f1.bin' is there already") == true, "\(data)")
    #expect(data["blocked"]?.string?.hasPrefix("StorageWriteError: ") == true, "\(data)")
    let keys = try #require(data["keys"]?.array).compactMap(\.string)
    #expect(keys.count == 51)
    #expect(keys[0].contains("source=a%2Fb%20c/"))
    for (index, key) in keys.dropLast().enumerated() {
      let content = try Data(contentsOf: URL(fileURLWithPath: harness.data + "/" + key))
      #expect(content == Data(repeating: UInt8(index), count: 100_000), "\(key)")
    }
    let report = try JSONParser.parse(String(contentsOfFile: harness.path + "/report.json", encoding: .utf8))
    #expect(report["metrics"]?["lode_write_failure_total"]?.integer == 2)
  }
}
