import Glibc
import QuarryCore
import QuarryFleet

/// Ctrl-C and SIGTERM to a worker: the first drains, the second kills, a third ends at once.
enum WorkerSignals {
  /// - Returns: raised when the worker was killed instead of drained.
  static func start(_ worker: FleetWorker) throws(QuarryError) -> SharedFlag {
    let killed = SharedFlag()
    try SignalWatch.start { _, count in
      switch count {
      case 1: worker.drain()
      case 2:
        killed.raise()
        worker.kill()
      default: _exit(Outcome.executorCrash.exitCode)
      }
    }
    return killed
  }
}
