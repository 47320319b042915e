import Glibc
import QuarryCore
import QuarryFleet

/// Ctrl-C and SIGTERM to a worker: the first drains, the second kills, a third ends at once. Whatever hangs (a storage
/// that neither takes nor refuses, say), the process ends.
enum WorkerSignals {
  /// How long a killed worker may take to end.
  static let killLimit = Duration.seconds(5)
  /// Beyond the worker's own limits, to sign off and stop the browser.
  static let drainReserve = Duration.seconds(5)

  /// - Parameter drainLimit: how long the worker itself gives a drain.
  static func start(_ worker: FleetWorker, drainLimit: Duration, _ console: Console) throws(QuarryError) {
    try SignalWatch.start { _, count in
      switch count {
      case 1:
        worker.drain()
        end(after: drainLimit + drainReserve, WorkerEnd.abandoned(held: 0, unsettled: 0), console)
      case 2:
        worker.kill()
        end(after: killLimit, .killed, console)
      default: _exit(WorkerEnd.killed.exitCode)
      }
    }
  }

  private static func end(after limit: Duration, _ end: WorkerEnd, _ console: Console) {
    Deadline.endProcess(after: limit, console: console) {
      (end.exitCode, "not stopped within \(limit.shortText); leases that are left end by themselves")
    }
  }
}

extension WorkerEnd {
  /// 0 drained, 1 when something could not be given back or recorded or it holds too much memory, 2 killed.
  var exitCode: Int32 {
    switch self {
    case .drained: 0
    case .abandoned, .outgrown: ExitCode.failure
    case .killed: Outcome.executorCrash.exitCode
    case .failed(let error): ExitCode.of(error)
    }
  }
}
