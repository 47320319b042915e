import Dispatch
import Glibc
import QuarryCore
import QuarryRuntime

/// The program: arguments in; stdout, stderr and an exit code out.
package enum QuarryProgram {
  /// Runs the command of this process' arguments and ends the process with its exit code. Not `async`: an asynchronous
  /// `main` has opened descriptors of its own before its first line.
  /// - Parameter startedAhead: the executor for the run that the arguments ask for.
  package static func main(startedAhead: StartedExecutor?) -> Never {
    Scheduling.giveWay()
    StandardDescriptors.occupy()
    signal(SIGPIPE, SIG_IGN)
    Orphans.adopt()
    var context = CommandContext.ofThisProcess()
    context.headStart = startedAhead.map { ExecutorHeadStart($0, environment: context.environment) }
    Task { [context] in
      let code = await run(in: context)
      context.headStart?.end()
      exit(code)
    }
    dispatchMain()
  }

  private static func run(in context: CommandContext) async -> Int32 {
    do throws(QuarryError) { return await run(try argumentsOfThisProcess(), in: context) } catch {
      context.console.report(error)
      return ExitCode.of(error)
    }
  }

  /// - Throws: `QuarryError(.usage)` for one that is not UTF-8: repaired, it would name something else.
  private static func argumentsOfThisProcess() throws(QuarryError) -> [String] {
    var arguments: [String] = []
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let bytes = CommandLine.unsafeArgv[index] else { break }
      guard let argument = String(validatingCString: bytes) else {
        // Not shown: it may hold a password.
        throw QuarryError(
          .usage, "argument \(index) is not UTF-8", remedy: "give it in UTF-8, and rename a file whose name is not")
      }
      arguments.append(argument)
    }
    return arguments
  }

  /// Runs one command.
  /// - Returns: the exit code: 0, what the command says, or 2 for anything that was refused before it began.
  package static func run(_ arguments: [String], in context: CommandContext) async -> Int32 {
    let code = await answer(arguments, in: context)
    guard let failure = context.console.outputFailure() else { return code }
    context.console.report(QuarryError(.storage, "the answer could not be written to stdout: \(failure)"))
    return code == 0 ? ExitCode.failure : code
  }

  private static func answer(_ arguments: [String], in context: CommandContext) async -> Int32 {
    var context = context
    do {
      return try await perform(arguments, in: &context)
    } catch let error as QuarryError {
      context.console.report(error)
      return ExitCode.of(error)
    } catch let missing as NotFound {
      context.console.report(missing.error)
      return ExitCode.failure
    } catch {
      context.console.report(QuarryError(.storage, "\(error)"))
      return ExitCode.failure
    }
  }

  private static func perform(_ arguments: [String], in context: inout CommandContext) async throws -> Int32 {
    if let text = try Completion.text(for: arguments, environment: context.environment) { return tell(text, context) }
    let path = try CommandPath(arguments, below: RootCommand.self)
    if path.asksForHelp { return tell(HelpText.of(path, width: context.console.outputColumns), context) }
    if path.asksForVersion { return tell(Version.current + "\n", context) }
    let command = try UsageCheck.command(path)
    if let format = (command as? any LoggingCommand)?.log.logFormat {
      context.console = context.console.logging(format)
    }
    return try await command.execute(in: context)
  }

  private static func tell(_ text: String, _ context: CommandContext) -> Int32 {
    context.console.printOut(text)
    return 0
  }

  /// - Returns: the command that the arguments name, with what they give it.
  /// - Throws: `QuarryError(.usage)`.
  package static func command(_ arguments: [String]) throws(QuarryError) -> any ExecutableCommand {
    try UsageCheck.command(CommandPath(arguments, below: RootCommand.self))
  }
}

/// A command that does something, as opposed to one that only groups others.
package protocol ExecutableCommand: ParsableCommand {
  /// - Returns: the exit code.
  /// - Throws: `QuarryError` for what the user can do something about.
  func execute(in context: CommandContext) async throws -> Int32
}

/// Exit codes that no run outcome decides.
enum ExitCode {
  /// Bad flags, configuration, job, names, or a missing executor; refused before anything began.
  static let usage: Int32 = 2
  /// A reading command that failed, or named what does not exist; an answer that could not be written.
  static let failure: Int32 = 1
  /// Redis was lost, or is not the one this fleet was begun on.
  static let lost: Int32 = 3

  static func of(_ error: QuarryError) -> Int32 {
    switch error.kind {
    case .usage, .executor, .storage, .redis: usage
    case .stream: failure
    case .fleet: lost
    }
  }
}
