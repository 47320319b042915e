import QuarryCore
import QuarryRuntime

/// `quarry run --dry-run`: the script is loaded and checked, and nothing else.
enum DryRun {
  /// - Returns: 0 for a valid script, 1 for an invalid one.
  /// - Throws: `QuarryError(.executor)`, exit code 2, when nobody could check it.
  static func run(_ settings: RunSettings, isQuiet: Bool, in context: CommandContext) async throws -> Int32 {
    let executor = try ExecutorProgram(settings.executor, in: context)
    let script = settings.script
    let result = await OwnThread.run { () -> Result<ScriptCheck.Answer, QuarryError> in
      do throws(QuarryError) {
        return .success(try ScriptCheck.check(script: script, executor: executor))
      } catch { return .failure(error) }
    }
    switch try result.get() {
    case .valid(let answer):
      for warning in answer["warnings"]?.array ?? [] {
        if let text = warning.string { context.console.warn("script \(script): \(text)") }
      }
      if !isQuiet { context.console.say("script \(script) is valid") }
      return 0
    case .invalid(let reason):
      context.console.report(QuarryError(.usage, "script \(script) is invalid: \(reason)"))
      return 1
    }
  }
}
