import Glibc
import QuarryCore

/// What a worker is told by its own flags; lease, heartbeat and retries belong to the fleet and its jobs.
package struct WorkerConfiguration: Sendable {
  package var fleet = "default"
  /// Unique among all workers of the fleet, also after a restart on the same machine.
  package var workerID: String
  /// Runs at once, at least 1.
  package var concurrency = 1
  /// How long runs may go on after the first signal.
  package var drainTimeout = Duration.seconds(25)
  /// How long after that what was stopped may take to be given back and recorded.
  package var releaseTimeout = Duration.seconds(5)
  package var scriptRoot: ScriptRoot
  /// Where this worker writes; it gets no tasks of jobs that name another dataset.
  package var storage: StorageIdentity
  /// Of this process; nil for none.
  package var memoryLimit: MemoryLimit?
  /// How long the worker waits between two looks at what a missing coordinator leaves undone.
  package var dutyInterval = Duration.seconds(2)

  /// - Parameter workerID: made from host, process id and a random part when absent.
  package init(scriptRoot: ScriptRoot, storage: StorageIdentity, workerID: String? = nil) {
    self.scriptRoot = scriptRoot
    self.storage = storage
    self.workerID = workerID ?? ProcessName.make()
  }
}

/// Names of processes in a fleet, readable and unique.
package enum ProcessName {
  package static func make() -> String {
    let random = String(UInt32.random(in: 0..<0x100_0000) | 0x100_0000, radix: 16).dropFirst()
    let name = host.prefix(64).map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") ? $0 : "-" }
    return "\(String(name))-\(getpid())-\(random)"
  }

  package static var pid: Int32 { getpid() }

  package static var host: String { HostName.current ?? "host" }
}
