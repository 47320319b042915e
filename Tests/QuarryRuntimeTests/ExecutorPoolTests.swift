import Foundation
import QuarryCore
import QuarryRuntime
import Synchronization
import TestSupport
import Testing

/// Runs on executors of a pool: the project's own, on real Node, without a browser.
@Suite(.serialized) final class ExecutorPoolTests: Sendable {
  let scripts = ScriptFolder()
  let notes = Mutex<[String]>([])

  func pool(_ isolation: Isolation = .module, size: Int = 1, limits: RecyclingLimits = RecyclingLimits())
    -> ExecutorPool
  {
    ExecutorPool(ScriptFolder.program, isolation: isolation, size: size, limits: limits) { [self] note in
      notes.withLock { $0.append(note) }
    }
  }

  /// A run of a script whose first item tells its process.
  func run(
    _ script: String, on pool: ExecutorPool?, timeout: Duration? = nil, control: RunControl = RunControl()
  ) async throws -> (report: RunReport, process: Int64?) {
    var harness = RunHarness(timeout: timeout, executors: pool)
    harness.script = script
    let report = try await harness.run(ScriptFolder.program, control: control)
    let items = harness.sink.lines(.event).filter { $0["event_type"] == "item" }
    return (report, items.first?["payload"]?["data"]?["pid"]?.integer)
  }

  /// A script that tells its process and then does `body`.
  func script(_ name: String, _ body: String = "") throws -> String {
    try scripts.write(
      name,
      """
      let runs = 0;
      export default async ({ emit, run, job, storage }: any) => {
        await emit.item({ item_type: 'p', data: { pid: process.pid, runs: ++runs } });
        \(body)
      };
      """)
  }

  @Test func oneProcessServesScriptsInTurn() async throws {
    let pool = pool()
    defer { pool.stop() }
    let (one, two) = (
      try script("one"), try script("two", "await storage.put({filename:'f',content_type:'t',data:'x'});")
    )
    var processes: Set<Int64?> = []
    for path in [one, two, one, two, one] {
      let (report, process) = try await run(path, on: pool)
      #expect(report.outcome == .success, "\(report.message)\n\(report.standardError)")
      #expect(report.end == .exited(0))
      processes.insert(process)
    }
    #expect(processes.count == 1 && processes.first != .some(nil))
  }

  @Test func executorsAreReplacedByRunsAndByMemory() async throws {
    let script = try script("plain")
    let counted = pool(limits: RecyclingLimits(runs: 2))
    defer { counted.stop() }
    var processes: [Int64?] = []
    for _ in 0..<4 { processes.append(try await run(script, on: counted).process) }
    #expect(processes[0] == processes[1] && processes[2] == processes[3] && processes[1] != processes[2])
    let bounded = pool(limits: RecyclingLimits(memory: 1 << 20))
    defer { bounded.stop() }
    #expect(try await run(script, on: bounded).process != run(script, on: bounded).process)
    #expect(notes.withLock { $0.isEmpty })
  }

  static let killers = [
    "process.kill(process.pid, 'SIGKILL');", "process.exit(0);", "process.exit(3);", "throw new Error('no price');",
    "Promise.reject(new Error('dropped')); await new Promise((r) => setTimeout(r, 9999));",
    "setTimeout(() => { throw new Error('in a timer'); }, 1); await new Promise((r) => setTimeout(r, 9999));",
    "await new Promise(() => {});", "await emit.runComplete({}); process.exit(0);",
    "await emit.runError({ error_type: 'blocked', message: 'go away' });", "console.log('to stdout');",
  ]

  @Test(arguments: killers) func aRunEndsAsOnAnExecutorOfItsOwn(_ body: String) async throws {
    let (bad, good) = (try script("bad", body), try script("good"))
    let alone = try await run(bad, on: nil).report
    for isolation in Isolation.allCases {
      let pool = pool(isolation)
      defer { pool.stop() }
      let before = try await run(good, on: pool).process
      let warm = try await run(bad, on: pool).report
      #expect(warm.outcome == alone.outcome && warm.message == alone.message, "\(isolation): \(warm.message)")
      #expect(warm.end == alone.end, "\(isolation)")
      let (after, process) = try await run(good, on: pool)
      #expect(after.outcome == .success, "\(isolation): \(after.message)")
      if alone.outcome != .success { #expect(process != before, "\(isolation)") }
    }
  }

  @Test(arguments: [
    "spawn('sleep', ['MARK'], { detached: true, stdio: 'ignore' }).unref();",
    "spawnSync('/bin/sh', ['-c', 'setsid sleep MARK >/dev/null 2>&1 &']);",
  ])
  func whatARunStartedEndsWithIt(_ body: String) async throws {
    let mark = ProcessTree.mark()
    let pool = pool()
    defer { pool.stop() }
    let text = "const { spawn, spawnSync } = await import('node:child_process');\n" + body
    let leaves = try script("leaves", text.replacingOccurrences(of: "MARK", with: mark))
    let (report, process) = try await run(leaves, on: pool)
    #expect(report.outcome == .success, "\(report.message)")
    #expect(ProcessTree.count("sleep\0\(mark)") == 0)
    #expect(try await run(script("good"), on: pool).process != process)
    #expect(notes.withLock { $0.contains { $0.contains("left a process behind") } })
  }

  @Test func whatStaysInTheProcessEndsItsUse() async throws {
    let pool = pool()
    defer { pool.stop() }
    let leaves = try script("leaves", "setInterval(() => {}, 1000); (globalThis as any).was = run.run_id;")
    var processes: Set<Int64?> = []
    for _ in 0..<3 { processes.insert(try await run(leaves, on: pool).process) }
    #expect(processes.count == 3)
    #expect(notes.withLock { $0.count } == 1, "one note for one thing")
  }

  @Test func aRunThatIsStoppedOrTooSlowTakesItsExecutorAlong() async throws {
    let pool = pool()
    defer { pool.stop() }
    let (endless, good) = (try script("endless", "for (;;) {}"), try script("good"))
    let (late, process) = try await run(endless, on: pool, timeout: .seconds(1))
    #expect(late.message.contains("timeout of 1s"))
    let control = RunControl()
    async let stopped = run(
      try script("waits", "await new Promise((r) => setTimeout(r, 1e6));"), on: pool, control: control)
    #expect(await ProcessTree.becomes { control.hasStarted })
    control.stop(.shutdown)
    #expect(try await stopped.report.outcome == .executorCrash)
    let (after, another) = try await run(good, on: pool)
    #expect(after.outcome == .success && another != process)
  }

  @Test func aLeaseHoldsForItsRunAlone() async throws {
    let pool = pool()
    defer { pool.stop() }
    let (good, endless) = (try script("good"), try script("endless", "await new Promise((r) => setTimeout(r, 1e6));"))
    _ = try await run(good, on: pool)
    let ends = Date(timeIntervalSinceNow: 6)
    let first = try await run(good, on: pool, control: RunControl(deadline: BootClock.after(.seconds(6))))
    #expect(first.report.outcome == .success, "\(first.report.message)")
    let past = Int64(ends.timeIntervalSince1970 * 1_000) + 300
    let second = try await run(
      script("lasts", "while (Date.now() < \(past)) await new Promise((r) => setTimeout(r, 50));"), on: pool)
    #expect(second.report.outcome == .success, "\(second.report.message)")
    let lost = try await run(endless, on: pool, control: RunControl(deadline: BootClock.after(.milliseconds(500))))
    #expect(lost.report.isSuperseded)
    #expect(try await run(good, on: pool).report.outcome == .success)
  }

  @Test func standardErrorIsThatOfTheRun() async throws {
    let pool = pool()
    defer { pool.stop() }
    let speaks = try script("speaks", "console.error('first\\n'.repeat(2000));")
    #expect(try await run(speaks, on: pool).report.standardError.hasPrefix("first"))
    #expect(try await run(script("quiet"), on: pool).report.standardError == "")
  }

  @Test func runsAtTheSameTimeHaveAnExecutorEachAndNoneIsLeft() async throws {
    let pool = pool(size: 3)
    let script = try script("meets", "await new Promise((r) => setTimeout(r, 300));")
    let processes = try await withThrowingTaskGroup(of: Int64?.self) { group in
      for _ in 0..<3 { group.addTask { try await self.run(script, on: pool).process } }
      return try await group.reduce(into: Set<Int64?>()) { $0.insert($1) }
    }
    #expect(processes.count == 3)
    pool.stop()
    for process in processes.compactMap(\.self) { #expect(kill(pid_t(process), 0) != 0) }
  }

  @Test func anExecutorThatCannotBeStartedIsSaidByItsRun() async throws {
    let executor = try FakeExecutor("echo no runtime >&2; exit 127", interpreter: "/bin/sh")
    let pool = ExecutorPool(executor.program, isolation: .module, size: 1)
    defer { pool.stop() }
    await #expect { try await RunHarness(executors: pool).run(executor) } throws: {
      ($0 as? QuarryError)?.message.contains("no runtime") ?? false
    }
  }
}

/// Scripts of one test, for the project's own executor.
struct ScriptFolder {
  static let program = ExecutorProgram(
    path: BuiltProducts.root + "/executor-node/bin/quarry-executor",
    environment: ProcessInfo.processInfo.environment.filter { ["PATH", "HOME", "QUARRY_NODE"].contains($0.key) },
    shepherd: ProcessTree.shepherd)

  private let folder = TemporaryDirectory()

  /// - Returns: the path of a script that wants no browser.
  func write(_ name: String, _ text: String) throws -> String {
    let path = "\(folder.path)/\(name).ts"
    try ("export const config = { browser: false };\n" + text).write(toFile: path, atomically: false, encoding: .utf8)
    return path
  }
}
