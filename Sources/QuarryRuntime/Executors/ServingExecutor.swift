import Glibc
import QuarryCore
import QuarryWire

/// An executor that waits for runs, one after the other.
///
/// `@unchecked Sendable`: its pool gives it to one thread at a time.
package final class ServingExecutor: @unchecked Sendable {
  let process: ShepherdedProcess
  private(set) var runs = 0

  /// How long before its run's lease ends an executor may still be given on: its shepherd hears of the end in time.
  private static let deadlineMargin = Duration.seconds(1)

  /// - Parameter driverFor: a script whose browser driver is loaded ahead.
  /// - Throws: `QuarryError(.executor)` as `ShepherdedProcess`.
  init(_ program: ExecutorProgram, isolation: Isolation, driverFor: String?) throws(QuarryError) {
    let arguments = ["--serve=\(isolation.rawValue)"] + (driverFor.map { ["--driver-for", $0] } ?? [])
    process = try ShepherdedProcess(program.command(arguments), shepherd: program.shepherd)
  }

  /// - Parameter process: that of a program which serves runs.
  init(_ process: ShepherdedProcess) { self.process = process }

  var isAlive: Bool { process.readEnd() == nil }

  /// Between two runs: what is written to standard error then belongs to no run.
  func strayText() -> String {
    var errors = StandardErrorCapture(onLine: nil)
    errors.drain(from: process.errors.number)
    return errors.text
  }

  /// Takes the run's deadline away, and looks at what the run has left.
  /// - Parameter deadline: of the run's lease.
  func endRun(_ end: RunEndFrame, deadline: UInt64?, limits: RecyclingLimits) -> Fitness {
    runs += 1
    process.deadlines.move(to: nil)
    if let deadline, BootClock.after(Self.deadlineMargin) >= deadline { return .spent }
    if let left = end.leftBehind { return .odd("left \(left) behind") }
    if ProcessTable.hasDescendants(end.processID, below: process.shepherd) {
      return .odd("left a process behind")
    }
    guard runs < limits.runs, let memory = ProcessTable.residentMemory(of: end.processID) else { return .spent }
    return memory > limits.memory ? .spent : .fit
  }

  /// Whether an executor may serve another run.
  enum Fitness: Equatable {
    case fit
    /// No, and that is as it should be.
    case spent
    /// No, because of what its run did, in words that follow "the run".
    case odd(String)
  }
}
