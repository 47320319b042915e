import Glibc
import QuarryCore

/// The broker's process and what it writes; used by one thread at a time.
final class BrokerProcess {
  let endpoint: String
  private let process: ShepherdedProcess
  private var errors: StandardErrorCapture

  /// How long the broker may take to close its browser before both are killed.
  private static let stopGrace = Duration.seconds(3)

  /// Blocks until the broker has told where it listens.
  init(
    _ program: ExecutorProgram, startTimeout: Duration, onNote: @escaping @Sendable (String) -> Void
  ) throws(QuarryError) {
    try program.check()
    process = try ShepherdedProcess(
      program.command([]), shepherd: program.shepherd, deadline: BootClock.after(startTimeout))
    errors = StandardErrorCapture(onLine: onNote)
    let line = Self.readLine(process, &errors)
    // Of a line that cannot be read, what the broker wrote to its standard error tells more.
    guard let answer = try? JSONParser.parse(line), let endpoint = answer["ws_endpoint"]?.string else {
      throw Self.failure(process, &errors, program)
    }
    self.endpoint = endpoint
    process.deadlines.move(to: nil)
  }

  /// Reads what the broker writes until it has ended, which a stop request makes it do.
  /// - Parameter onEnding: called when the broker says that it ends, or closes its output: it takes no more connections.
  func serve(until stop: WakeSignal, onEnding: () -> Void) {
    var waits = [process.status.number, stop.number, process.errors.number, process.output.number].map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    var ignored = [UInt8](repeating: 0, count: 4096)
    while process.readEnd() == nil {
      guard poll(&waits, nfds_t(waits.count), -1) > 0 else { continue }
      if waits[1].revents != 0 {
        waits[1].fd = -1
        process.deadlines.move(to: BootClock.after(Self.stopGrace))
        process.closeInput()
      }
      if waits[2].revents != 0, !errors.read(from: process.errors.number) { waits[2].fd = -1 }
      if waits[3].revents != 0 {
        onEnding()
        if read(process.output.number, &ignored, ignored.count) == 0 { waits[3].fd = -1 }
      }
    }
    errors.finish()
  }

  /// The broker prints one line, `{"ws_endpoint":"…"}`, once it listens, and nothing more before its end.
  private static func readLine(_ process: ShepherdedProcess, _ errors: inout StandardErrorCapture) -> [UInt8] {
    var line: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    var waits = [process.output.number, process.errors.number].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while line.last != UInt8(ascii: "\n"), line.count < 1 << 16 {
      _ = poll(&waits, nfds_t(waits.count), -1)
      if waits[1].revents != 0, !errors.read(from: process.errors.number) { waits[1].fd = -1 }
      guard waits[0].revents != 0 else { continue }
      let count = read(process.output.number, &chunk, chunk.count)
      if count > 0 { line += chunk[..<count] }
      if count == 0 { break }
    }
    return line
  }

  private static func failure(
    _ process: ShepherdedProcess, _ errors: inout StandardErrorCapture, _ program: ExecutorProgram
  ) -> QuarryError {
    let end = process.finish()
    errors.drain(from: process.errors.number)
    if case .failedToStart(let code) = end { return program.unusable(errorText(code)) }
    return QuarryError(
      .executor, "the browser broker \(program.path) \(end)" + (errors.lastLine.map { ": \($0)" } ?? ""),
      remedy: "run scripts/setup, or name a browser with --browser-ws-endpoint")
  }
}
