import QuarryCommands
import Synchronization

/// Runs a command in this process: arguments in; exit code, stdout and stderr out.
struct CommandHarness {
  struct Result {
    let exitCode: Int32
    let output: String
    let error: String
  }

  var environment: [String: String] = [:]
  var workingDirectory = "/nonexistent"
  var isTerminal = false

  func run(_ arguments: String...) async -> Result { await run(arguments) }

  func run(_ arguments: [String]) async -> Result {
    let output = Recorder()
    let error = Recorder()
    let console = Console(
      isOutputTerminal: isTerminal, isErrorTerminal: isTerminal,
      writeOut: { output.append($0) }, writeError: { error.append($0) })
    let context = CommandContext(environment: environment, workingDirectory: workingDirectory, console: console)
    let code = await QuarryProgram.run(arguments, in: context)
    return Result(exitCode: code, output: output.text, error: error.text)
  }

  private final class Recorder: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    func append(_ more: [UInt8]) { bytes.withLock { $0 += more } }
    var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
  }
}
