import QuarryCore

/// How much memory a worker's own process may hold, and how that is found out.
package struct MemoryLimit: Sendable {
  /// Resident, in bytes; executors are not part of it.
  package var bytes: Int
  /// Nil where the system does not say.
  package var resident: @Sendable () -> Int?
  /// Gives back to the system what the process does not use.
  package var trim: @Sendable () -> Void

  package init(bytes: Int, resident: @escaping @Sendable () -> Int?, trim: @escaping @Sendable () -> Void) {
    self.bytes = bytes
    self.resident = resident
    self.trim = trim
  }
}

/// Looks at the process' memory each second. What is over the limit is trimmed first; what is over it then counts.
struct MemoryWatch: Sendable {
  static let interval = Duration.seconds(1)

  let limit: MemoryLimit
  let clock: FleetClock
  let report: @Sendable (WorkerEvent) -> Void

  /// Until cancelled.
  func run() async {
    var wasOver = false
    while !Task.isCancelled {
      await clock.sleep(Self.interval)
      guard let bytes = residentAfterTrimming() else { continue }
      let isOver = bytes > limit.bytes
      if isOver || wasOver { report(.memory(isOver: isOver, bytes)) }
      wasOver = isOver
    }
  }

  private func residentAfterTrimming() -> Int? {
    guard let bytes = limit.resident() else { return nil }
    guard bytes > limit.bytes else { return bytes }
    limit.trim()
    return limit.resident()
  }
}
