import QuarryCore
import QuarryRuntime

/// The executors that a command keeps for its runs.
enum WarmExecutors {
  /// - Returns: nil when the executor is not this program's own: nobody knows whether it could serve more than one run,
  ///   so each run starts it.
  static func pool(
    _ program: ExecutorProgram, _ settings: IsolationSettings, runsAtOnce: Int, _ console: Console
  ) -> ExecutorPool? {
    guard let own = InstalledPaths.executor.flatMap(InstalledPaths.realPath),
      own == InstalledPaths.realPath(program.path)
    else {
      if settings.isolation != .process {
        console.say("each run starts \(program.path) anew: it is not the executor of this program")
      }
      return nil
    }
    return ExecutorPool(
      program, isolation: settings.isolation, size: runsAtOnce, limits: settings.limits, onNote: { console.warn($0) })
  }
}
