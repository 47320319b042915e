import QuarryCore
import QuarryWire
import Synchronization

/// Keeps executors started, loaded and waiting, lends them to runs one at a time, and takes back those that their run
/// left as they were. What a run stopped, broke or spent is killed with all that it started, and replaced.
package final class ExecutorPool: Sendable {
  private struct State {
    var idle: [ServingExecutor] = []
    var lent = 0
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
  private let state = Mutex(State())

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

  /// Starts the executor of a single run, at once and on the calling thread. Where that fails, the run tries again and
  /// says why.
  package init(forOneRunOf program: ExecutorProgram) {
    self.program = program
    isolation = .process
    size = 0
    limits = RecyclingLimits()
    onNote = { _ in }
    if let executor = try? start() { state.withLock { $0.idle = [executor] } }
  }

  /// Kills those that wait, and waits until they are gone. Those at work are killed when their runs give them back.
  package func stop() {
    let idle = state.withLock { state in
      state.isStopped = true
      defer { state.idle = [] }
      return state.idle
    }
    // All orders before the first wait, which is for the end of each.
    for executor in idle { executor.process.killTree() }
  }

  /// The caller gives it back with `takeBack`, whatever becomes of it.
  /// - Throws: `QuarryError(.executor)` when none waits and none can be started.
  func lend() throws(QuarryError) -> ServingExecutor {
    defer { if isolation == .process { fill() } }
    while let executor = state.withLock({ $0.idle.popLast() }) {
      guard executor.isAlive else { continue }
      let stray = executor.strayText()
      if !stray.isEmpty { onNote("an executor said between two runs: \(stray)") }
      state.withLock { $0.lent += 1 }
      return executor
    }
    let executor = try start()
    state.withLock { $0.lent += 1 }
    return executor
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
    let isKept = state.withLock { state in
      state.lent -= 1
      if let end { state.driverFor = end.hadBrowser ? script : nil }
      guard fitness == .fit, !state.isStopped else { return false }
      state.idle.append(executor)
      return true
    }
    guard !isKept else { return }
    // The next one begins while this one, with all that it started, is killed.
    fill()
    _ = executor.process.finish()
  }

  private func tell(_ what: String, _ script: String) {
    let isNews = state.withLock { $0.told.insert(script + what).inserted }
    guard isNews else { return }
    onNote("\(script) \(what): such runs have an executor each, which is slower; end what the script begins")
  }

  // MARK: Starting

  private func fill() {
    guard state.withLock({ isMissingOne($0) }) else { return }
    OwnThread.start { [self] in while startOne() {} }
  }

  private func isMissingOne(_ state: State) -> Bool {
    let busy = isolation == .process ? 0 : state.lent
    return !state.isStopped && state.idle.count + state.starting + busy < size
  }

  /// Answers false when none is missing, and when none is to be had: the run that needs one tries by itself, and says
  /// why there is none.
  private func startOne() -> Bool {
    let isMissing = state.withLock { state in
      guard isMissingOne(state) else { return false }
      state.starting += 1
      return true
    }
    guard isMissing else { return false }
    let executor = try? start()
    return state.withLock { state in
      state.starting -= 1
      guard let executor, isMissingOne(state) else { return false }
      state.idle.append(executor)
      return true
    }
  }

  private func start() throws(QuarryError) -> ServingExecutor {
    try ServingExecutor(program, isolation: isolation, driverFor: state.withLock { $0.driverFor })
  }
}
