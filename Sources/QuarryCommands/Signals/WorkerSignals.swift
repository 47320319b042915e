import Glibc
import QuarryCore
import QuarryFleet
import Synchronization

/// Ctrl-C and SIGTERM to a worker: the first drains, the second kills, a third ends at once.
final class WorkerSignals: Sendable {
  private let killed = Mutex(false)

  var happened: Bool { killed.withLock { $0 } }

  static func start(_ worker: FleetWorker) throws(QuarryError) -> WorkerSignals {
    let signals = WorkerSignals()
    try SignalWatch.start { _, count in
      switch count {
      case 1: worker.drain()
      case 2:
        signals.killed.withLock { $0 = true }
        worker.kill()
      default: _exit(Outcome.executorCrash.exitCode)
      }
    }
    return signals
  }
}
