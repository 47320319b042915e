import Glibc
import QuarryCore

/// Whether the executor can load a script, without running it (`executor --validate`).
package enum ScriptCheck {
  package enum Answer: Sendable, Equatable {
    /// What the executor printed: one JSON object with `exports`, and `warnings` if there are any.
    case valid(JSONValue)
    /// Why not, with file and line where the executor knows them.
    case invalid(String)
  }

  /// How much the executor may print, in bytes.
  private static let limit = 1 << 20

  /// Blocks the calling thread.
  /// - Throws: `QuarryError(.executor)` when the executor cannot be run, answers nothing that can be read, or takes
  ///   longer than `timeout`.
  package static func check(
    script: String, executor: ExecutorProgram, timeout: Duration = .seconds(30)
  ) throws(QuarryError) -> Answer {
    try executor.check()
    let process = try ShepherdedProcess(
      executor.command(["--validate", script]), shepherd: executor.shepherd, deadline: BootClock.after(timeout))
    process.closeInput()
    let (output, errors) = collect(process)
    switch process.finish() {
    case .failedToStart(let code): throw executor.unusable(errorText(code))
    case .deadline:
      throw executor.unusable(
        "it did not answer --validate within \(timeout.shortText) (does the script loop for ever while it is loaded?)")
    case let end: return try answer(output, errors, end, executor)
    }
  }

  private static func answer(
    _ output: [UInt8], _ errors: StandardErrorCapture, _ end: ProcessEnd, _ executor: ExecutorProgram
  ) throws(QuarryError) -> Answer {
    // What cannot be read says less than the executor's own last line does.
    guard let object = try? JSONParser.parse(output), let isValid = object["valid"]?.bool else {
      let reason = errors.lastLine.map { ": \($0)" } ?? ""
      throw executor.unusable("it answered --validate with nothing readable and \(end)\(reason)")
    }
    return isValid ? .valid(object) : .invalid(object["error"]?.string ?? "the executor gives no reason")
  }

  private static func collect(_ process: ShepherdedProcess) -> ([UInt8], StandardErrorCapture) {
    var output: [UInt8] = []
    var errors = StandardErrorCapture(onLine: nil)
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    var waits = [process.output.number, process.errors.number, process.status.number].map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    while true {
      _ = poll(&waits, nfds_t(waits.count), -1)
      if waits[1].revents != 0, !errors.read(from: process.errors.number) { waits[1].fd = -1 }
      if waits[0].revents != 0 {
        let count = read(process.output.number, &chunk, chunk.count)
        if count > 0, output.count < limit { output += chunk[..<count] }
        if count == 0 { waits[0].fd = -1 }
      } else if waits[2].revents != 0 {
        errors.drain(from: process.errors.number)
        return (output, errors)
      }
    }
  }
}
