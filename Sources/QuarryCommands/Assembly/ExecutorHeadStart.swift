import QuarryCore
import QuarryRuntime

/// The executor of a `quarry run`, started before the command line is read in full: Node needs longer to start than all
/// that comes before the run together, and learns which script it is to run only when it is ready.
package struct ExecutorHeadStart: Sendable {
  private let program: ExecutorProgram
  private let executors: ExecutorPool

  /// Flags after which another executor may be needed, or none.
  private static let decidingFlags = [
    "--executor", "--config", "--resolve-from", "--depth", "--dry-run", "--help", "-h", "--version",
  ]

  /// - Returns: nil where it would be of no use. What is wrong with the executor shows when a run needs it.
  static func begin(_ arguments: [String], in context: CommandContext) -> ExecutorHeadStart? {
    guard arguments.first == "run", !arguments.contains(where: decides), let path = InstalledPaths.executor else {
      return nil
    }
    // The run looks for it again, and says why there is none.
    guard let shepherd = try? Shepherd.locate(environment: context.environment) else { return nil }
    return ExecutorHeadStart(ExecutorProgram(path: path, environment: context.environment, shepherd: shepherd))
  }

  private static func decides(_ argument: String) -> Bool {
    decidingFlags.contains(String(argument.prefix { $0 != "=" }))
  }

  private init(_ program: ExecutorProgram) {
    self.program = program
    executors = ExecutorPool(forOneRunOf: program)
  }

  /// - Returns: what lends the executor to the run; nil when the run is another program's.
  func executors(of program: ExecutorProgram) -> ExecutorPool? { program == self.program ? executors : nil }

  /// Kills the executor unless a run has taken it.
  func end() { executors.stop() }
}
