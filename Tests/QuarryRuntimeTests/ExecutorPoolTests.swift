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
    let (starts, continuation) = AsyncStream.makeStream(of: Void.self)
    let control = RunControl(onStarted: { continuation.yield() })
    async let stopped = run(
      try script("waits", "await new Promise((r) => setTimeout(r, 1e6));"), on: pool, control: control)
    for await _ in starts { break }
    control.stop(.shutdown)
    #expect(try await stopped.report.outcome == .executorCrash)
    let (after, another) = try await run(good, on: pool)
    #expect(after.outcome == .success && another != process)
  }

  /// The shepherd's timer says what it would kill by: `/proc` shows it.
  @Test func aLeaseHoldsForItsRunAlone() async throws {
    let pool = pool()
    defer { pool.stop() }
    let (good, endless) = (try script("good"), try script("endless", "await new Promise((r) => setTimeout(r, 1e6));"))
    func waits(until isArmed: Bool) throws -> String {
      try script(
        "timer-\(isArmed)",
        """
        const { readdirSync, readFileSync } = await import('node:fs');
        const files = `/proc/${process.ppid}/fdinfo/`;
        const isArmed = () => readdirSync(files).some((name) => {
          try { return /^it_value: \\((?!0, 0\\))/m.test(readFileSync(files + name, 'latin1')); } catch { return false; }
        });
        // The shepherd is told by a pipe, which nothing here could wait for.
        while (isArmed() !== \(isArmed)) await new Promise((r) => setTimeout(r, 5));
        """)
    }
    let first = try await run(
      waits(until: true), on: pool, timeout: .seconds(60), control: RunControl(deadline: BootClock.after(.seconds(600)))
    )
    #expect(first.report.outcome == .success, "\(first.report.message)")
    let second = try await run(waits(until: false), on: pool, timeout: .seconds(60))
    #expect(second.report.outcome == .success, "\(second.report.message)")
    #expect(second.process == first.process)
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
    let processes = try await meet(3, on: pool)
    #expect(processes.count == 3)
    pool.stop()
    for process in processes { #expect(kill(process, 0) != 0) }
  }

  @Test func moreRunsThanPlacesLeaveNoMoreThanPlaces() async throws {
    let pool = pool(size: 1)
    defer { pool.stop() }
    let processes = try await meet(3, on: pool)
    #expect(processes.count == 3)
    #expect(processes.filter { kill($0, 0) == 0 }.count == 1)
  }

  /// Runs that are all under way before one of them goes on.
  /// - Returns: their processes.
  private func meet(_ count: Int, on pool: ExecutorPool) async throws -> Set<pid_t> {
    let (here, go) = (try NamedPipe(), try NamedPipe())
    let script = try script(
      "meets",
      """
      const { openSync, readSync, writeFileSync } = await import('node:fs');
      writeFileSync('\(here.path)', '.');
      readSync(openSync('\(go.path)', 'r'), Buffer.alloc(1));
      """)
    return try await withThrowingTaskGroup(of: Int64?.self) { group in
      for _ in 0..<count { group.addTask { try await self.run(script, on: pool).process } }
      await OwnThread.run {
        here.read(count)
        go.write(count)
      }
      return try await group.reduce(into: Set<pid_t>()) { processes, process in
        if let process { processes.insert(pid_t(process)) }
      }
    }
  }

  @Test(arguments: Isolation.allCases) func noExecutorIsStartedTooMany(_ isolation: Isolation) async throws {
    let script = try script("good")
    for _ in 0..<5 {
      let counting = try FakeExecutor(
        "echo >> \"$0.starts\"; exec '\(ScriptFolder.program.path)' \"$@\"", interpreter: "/bin/sh")
      let program = ExecutorProgram(
        path: counting.program.path, environment: ScriptFolder.program.environment, shepherd: ProcessTree.shepherd)
      let pool = ExecutorPool(program, isolation: isolation, size: 1)
      for _ in 0..<2 { #expect(try await run(script, on: pool).report.outcome == .success) }
      pool.stop()
      let starts = try String(contentsOfFile: counting.folder.path + "/program.starts", encoding: .utf8).count
      // One for each run, and with `process` the next one ahead, which may be killed before it counts itself.
      #expect(isolation == .process ? starts <= 3 : starts == 1, "\(starts)")
    }
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

/// A pipe with a path. Both of its ends are held open, so that nobody who opens one of them waits for the other.
private final class NamedPipe: Sendable {
  let path: String
  private let folder = TemporaryDirectory()
  private let descriptor: Int32

  init() throws {
    path = folder.path + "/pipe"
    guard mkfifo(path, 0o600) == 0 else { throw RunningProcess.Failure(description: "no named pipe: \(errno)") }
    descriptor = open(path, O_RDWR | O_CLOEXEC)
  }

  deinit { close(descriptor) }

  /// Returns when so many bytes have come.
  func read(_ count: Int) {
    var byte: UInt8 = 0
    for _ in 0..<count { _ = Foundation.read(descriptor, &byte, 1) }
  }

  func write(_ count: Int) { _ = Foundation.write(descriptor, [UInt8](repeating: 0, count: count), count) }
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
