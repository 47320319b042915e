import QuarryCore
import QuarryRuntime

/// What was started before `main`, for a run that may or may not want it.
package struct StartedExecutor: Sendable {
  package typealias Process = ShepherdedProcess.Started

  let executorPath: String
  let shepherdPath: String
  let process: Process

  package init(executorPath: String, shepherdPath: String, process: Process) {
    self.executorPath = executorPath
    self.shepherdPath = shepherdPath
    self.process = process
  }
}

/// The executor of a `quarry run`, started before anything is known of the run but that it is one: Node needs longer to
/// start than all that comes before the run together, and learns which script it is to run only when it is ready.
package struct ExecutorHeadStart: Sendable {
  private let program: ExecutorProgram
  private let executors: ExecutorPool

  /// - Parameter environment: of this process, which the executor was given.
  init(_ started: StartedExecutor, environment: [String: String]) {
    program = ExecutorProgram(
      path: started.executorPath, environment: environment, shepherd: Shepherd(path: started.shepherdPath))
    executors = ExecutorPool(forOneRunOf: program, started: started.process)
  }

  /// - Returns: what lends the executor to the run; nil when the run is another program's.
  func executors(of program: ExecutorProgram) -> ExecutorPool? { program == self.program ? executors : nil }

  /// Kills the executor unless a run has taken it.
  func end() { executors.stop() }
}
