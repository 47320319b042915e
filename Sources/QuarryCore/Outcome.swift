/// How a run ended.
package enum Outcome: String, Sendable, CaseIterable {
  case success
  case scriptError = "script_error"
  case executorCrash = "executor_crash"
  case policyFailure = "policy_failure"
  case versionMismatch = "version_mismatch"

  /// The exit code of `quarry run`.
  package var exitCode: Int32 {
    switch self {
    case .success: 0
    case .scriptError: 1
    case .executorCrash: 2
    case .policyFailure, .versionMismatch: 3
    }
  }
}
