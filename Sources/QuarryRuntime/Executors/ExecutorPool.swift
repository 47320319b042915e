import QuarryCore
import QuarryWire
import Synchronization

/// Keeps executors started, loaded and waiting, lends them to runs one at a time, and takes back those that their run
/// left as they were. What a run stopped, broke or spent is killed with all that it started, and replaced.
package final class ExecutorPool: Sendable {
  private struct State {
    var idle: [ServingExecutor] = []
    /// At work, or being started for a run that waits.
    var lent = 0
    /// Being started ahead.
    var starting = 0
    /// A script that used a browser, when the newest run did.
    var driverFor: String?
    var told: Set<String> = []
    var isStopped = false
  }

  package let isolation: Isolation
  private let program: ExecutorProgram
  private let size: Int
  private let limits: RecyclingLimits
  private let onNote: @Sendable (String) -> Void
  private let state = Monitor(State())
  private let started = Atomic<Int>(0)

  /// Executors that it has started so far.
  package var starts: Int { started.load(ordering: .relaxed) }

  /// Starts the first executors at once, on a thread of its own.
  /// - Parameters:
  ///   - program: one that knows `--serve`.
  ///   - size: runs at the same time. With `process` so many executors wait besides those at work.
  ///   - onNote: told once of each thing that keeps executors from being used again.
  package init(
    _ program: ExecutorProgram, isolation: Isolation, size: Int, limits: RecyclingLimits = RecyclingLimits(),
    onNote: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.program = program
    self.isolation = isolation
    self.size = max(1, size)
    self.limits = limits
    self.onNote = onNote
    fill()
  }

  /// Lends an executor that was started for a single run.
  package init(forOneRunOf program: ExecutorProgram, started: ShepherdedProcess.Started) {
    self.program = program
    isolation = .process
    size = 0
    limits = RecyclingLimits()
    onNote = { _ in }
    state.locked { $0.idle = [ServingExecutor(ShepherdedProcess(started))] }
  }

  /// Kills those that wait, and waits until they are gone. Those at work are killed when their runs give them back.
  package func stop() {
    let idle = state.change { state in
      state.isStopped = true
      defer { state.idle = [] }
      return state.idle
    }
    // All orders before the first wait.
    for executor in idle { executor.process.killTree() }
    for executor in idle { _ = executor.process.finish() }
  }

  /// The caller gives it back with `takeBack`, whatever becomes of it.
  /// - Throws: `QuarryError(.executor)` when none waits and none can be started.
  func lend() throws(QuarryError) -> ServingExecutor {
    defer { if isolation == .process { fill() } }
    while let executor = take() {
      guard executor.isAlive else {
        state.locked { $0.lent -= 1 }
        continue
      }
      tellStray(executor)
      return executor
    }
    do throws(QuarryError) { return try start() } catch {
      state.locked { $0.lent -= 1 }
      throw error
    }
  }

  /// What an executor said before its first run is left to that run, whose start it is about.
  private func tellStray(_ executor: ServingExecutor) {
    guard executor.runs > 0 else { return }
    let stray = executor.strayText()
    if !stray.isEmpty { onNote("an executor said between two runs: \(stray)") }
  }

  /// Counts as lent from here on. One that is being started ahead is waited for: the wait is short, and a second one
  /// would be one too many.
  /// - Returns: nil when the caller has to start one.
  private func take() -> ServingExecutor? {
    state.when({ !$0.idle.isEmpty || $0.starting == 0 || $0.isStopped }) { state in
      state.lent += 1
      return state.idle.popLast()
    }
  }

  /// - Parameters:
  ///   - end: what the executor said of the run's end, when it did.
  ///   - isClean: the run succeeded, and nothing of it is left in the pipes.
  ///   - deadline: of the run's lease.
  func takeBack(_ executor: ServingExecutor, script: String, end: RunEndFrame?, isClean: Bool, deadline: UInt64?) {
    var fitness = ServingExecutor.Fitness.spent
    if isClean, isolation != .process, let end {
      fitness = executor.endRun(end, deadline: deadline, limits: limits)
    }
    if case .odd(let what) = fitness { tell(what, script) }
    let isKept = state.change { state in
      state.lent -= 1
      if let end { state.driverFor = end.hadBrowser ? script : nil }
      guard fitness == .fit, places(state) > 0 else { return false }
      state.idle.append(executor)
      return true
    }
    guard !isKept else { return }
    // The next one begins while this one, with all that it started, is killed.
    fill()
    _ = executor.process.finish()
  }

  private func tell(_ what: String, _ script: String) {
    let isNews = state.locked { $0.told.insert(script + what).inserted }
    guard isNews else { return }
    onNote("\(script) \(what): such runs have an executor each, which is slower; end what the script begins")
  }

  // MARK: Starting

  private func fill() {
    guard state.locked({ isMissingOne($0) }) else { return }
    OwnThread.start { [self] in while startOne() {} }
  }

  /// How many more may wait.
  private func places(_ state: State) -> Int {
    state.isStopped ? 0 : size - state.idle.count - (isolation == .process ? 0 : state.lent)
  }

  private func isMissingOne(_ state: State) -> Bool { places(state) > state.starting }

  /// Answers false when none is missing, and when none is to be had: the run that needs one tries by itself, and says
  /// why there is none.
  private func startOne() -> Bool {
    let isMissing = state.locked { state in
      guard isMissingOne(state) else { return false }
      state.starting += 1
      return true
    }
    guard isMissing else { return false }
    // Why there is none is said by the run that needs one.
    let executor = try? start()
    let isKept = state.change { state in
      state.starting -= 1
      guard let executor, places(state) > 0 else { return false }
      state.idle.append(executor)
      return true
    }
    if !isKept { _ = executor?.process.finish() }
    return isKept
  }

  private func start() throws(QuarryError) -> ServingExecutor {
    let executor = try ServingExecutor(program, isolation: isolation, driverFor: state.locked { $0.driverFor })
    started.wrappingAdd(1, ordering: .relaxed)
    return executor
  }
}
