import Foundation
import QuarryCore
import QuarryRuntime
import TestSupport
import Testing

/// The project's own executor on real Node, without a browser.
@Suite struct RunNodeTests {
  private static let environment = ProcessInfo.processInfo.environment.filter {
    ["PATH", "HOME", "QUARRY_NODE"].contains($0.key)
  }

  private let folder = TemporaryDirectory()

  private var program: ExecutorProgram {
    ExecutorProgram(
      path: BuiltProducts.root + "/executor-node/bin/quarry-executor", environment: Self.environment,
      shepherd: ProcessTree.shepherd)
  }

  private func script(_ text: String) throws -> String {
    let path = folder.path + "/script.ts"
    try text.write(toFile: path, atomically: false, encoding: .utf8)
    return path
  }

  private func run(_ text: String) async throws -> (RunReport, MemorySink) {
    var harness = RunHarness()
    harness.script = try script(text)
    return (try await harness.run(program), harness.sink)
  }

  @Test func scriptEmitsItemsAnArtifactAndAFile() async throws {
    let (report, sink) = try await run(
      """
      export const config = { browser: false };
      export default async ({ job, emit, storage }: any) => {
        for (let i = 0; i < 500; i++) emit.item({ item_type: 'n', data: { i, n: job.n } });
        await emit.artifact({ name: 'a', content_type: 'b', data: Buffer.alloc(5 << 20, 7) });
        const { key } = await storage.put({ filename: 'f.txt', content_type: 'text/plain', data: Buffer.from('x') });
        await emit.runComplete({ summary: { key } });
      };
      """)
    #expect(report.outcome == .success, "\(report.message)\n\(report.standardError)")
    #expect(report.figures.items == 500)
    #expect(report.figures.artifacts.committed == 1 && report.figures.artifacts.bytes == 5 << 20)
    #expect(sink.files == ["f.txt"])
    #expect(report.terminal?.payload.contains("files/f.txt") == true)
  }

  @Test func throwIsAScriptError() async throws {
    let (report, _) = try await run(
      "export const config = { browser: false };\nexport default async () => { throw new Error('no price'); };")
    #expect(report.outcome == .scriptError)
    #expect(report.message == "script_error: no price")
  }

  @Test(arguments: ["export const nothing = 1;", "export default async () => {", "import './missing.ts';"])
  func scriptThatCannotBeLoadedIsUnrunnable(_ text: String) async throws {
    let (report, _) = try await run(text)
    #expect(report.outcome == .executorCrash)
    #expect(report.message.contains("script.ts") || report.message.contains("missing.ts"), "\(report.message)")
    let partition = try RunPartition(dataset: "d", source: "s", category: "c", day: "2026-01-01", runID: "run-1")
    guard case .failed(.unrunnable, _, _) = report.taskResult(partition: partition, storagePath: "file:///") else {
      Issue.record("not unrunnable: \(report.message)")
      return
    }
    guard case .invalid = try ScriptCheck.check(script: script(text), executor: program) else {
      Issue.record("--validate takes it")
      return
    }
  }

  @Test func exitInTheMiddleIsACrash() async throws {
    let (report, _) = try await run(
      "export const config = { browser: false };\nexport default async () => { process.exit(0); };")
    #expect(report.outcome == .executorCrash, "\(report.message)")
  }

  private func failureKind(of report: RunReport) throws -> TaskResult.FailureKind? {
    let partition = try RunPartition(dataset: "d", source: "s", category: "c", day: "2026-01-01", runID: "run-1")
    guard case .failed(let kind, _, _) = report.taskResult(partition: partition, storagePath: "file:///") else {
      return nil
    }
    return kind
  }

  @Test(arguments: [2, 3])
  func anExitAfterTheFirstFrameIsACrashWhateverItsCode(_ code: Int) async throws {
    let (report, _) = try await run(
      """
      export const config = { browser: false };
      export default async ({ emit }: any) => {
        await emit.info('begun');
        await new Promise((resolve) => setTimeout(resolve, 10));
        process.exit(\(code));
      };
      """)
    #expect(report.hasStarted && report.end == .exited(Int32(code)))
    #expect(try failureKind(of: report) == .crash)
  }

  @Test(arguments: ["process.exit(0);", "await new Promise(() => {});"])
  func aScriptThatEndsWhileItIsLoadedIsInvalid(_ text: String) async throws {
    let path = try script(text + "\nexport default async () => {};")
    guard case .invalid(let reason) = try ScriptCheck.check(script: path, executor: program) else {
      Issue.record("--validate takes it")
      return
    }
    #expect(reason.contains("script.ts"), "\(reason)")
  }

  @Test func endlessLoopEndsAtItsTimeout() async throws {
    var harness = RunHarness(timeout: .seconds(2))
    harness.script = try script(
      "export const config = { browser: false };\nexport default async () => { for (;;) {} };")
    let report = try await harness.run(program)
    #expect(report.outcome == .executorCrash)
    #expect(report.message.contains("timeout of 2s"))
    #expect(try failureKind(of: report) == .app, "a timeout burns an attempt, not a crash")
  }
}
