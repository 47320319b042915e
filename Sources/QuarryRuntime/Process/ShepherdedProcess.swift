import Glibc
import QuarryCore

/// A command that runs under a shepherd, with this process' ends of its pipes. Used by one thread. When the last
/// reference goes, the command and all that it started are dead and reaped.
package final class ShepherdedProcess {
  /// What to run; the environment is the whole of it.
  package struct Command {
    package var path: String
    package var arguments: [String]
    package var environment: [String: String]

    package init(path: String, arguments: [String] = [], environment: [String: String]) {
      self.path = path
      self.arguments = arguments
      self.environment = environment
    }
  }

  /// A shepherd that runs, and this process' ends of its pipes.
  package struct Started: Sendable {
    let shepherd: pid_t
    let input: Int32
    let output: Int32
    let errors: Int32
    let control: Int32
    let status: Int32

    package init(shepherd: pid_t, input: Int32, output: Int32, errors: Int32, control: Int32, status: Int32) {
      self.shepherd = shepherd
      self.input = input
      self.output = output
      self.errors = errors
      self.control = control
      self.status = status
    }
  }

  /// The shepherd's own process, the command's parent.
  let shepherd: pid_t
  private var input: Descriptor?
  /// The command's input, non-blocking; -1 once closed, which `poll` passes over.
  package private(set) var inputNumber: Int32
  /// Non-blocking.
  package let output: Descriptor
  /// Non-blocking.
  package let errors: Descriptor
  /// Polls readable when the command and all of its descendants are dead.
  package let status: Descriptor
  /// From which the shepherd hears of deadlines; shared with whoever moves them.
  package let deadlines: DeadlineLine
  private var statusLine: [UInt8] = []
  /// Known once `readEnd` has answered.
  package private(set) var end: ProcessEnd?

  /// One read of a full pipe is what `strict` commits at once, so a large pipe makes for few commits.
  private static let outputCapacity: Int32 = 1 << 20

  /// - Parameter deadline: see `DeadlineLine`; it holds from before the command begins.
  /// - Throws: `QuarryError(.executor)` when there are no pipes or no shepherd. A command that cannot be started shows
  ///   in `end` as `failedToStart`.
  package init(_ command: Command, shepherd program: Shepherd, deadline: UInt64? = nil) throws(QuarryError) {
    let input = try Pipe()
    let output = try Pipe(capacity: Self.outputCapacity)
    let errors = try Pipe()
    let control = try Pipe()
    let status = try Pipe()
    let controlling = control.writing.number
    deadlines = DeadlineLine(control.writing)
    deadlines.move(to: deadline)
    do {
      let descriptors = [
        input.reading.number, output.writing.number, errors.writing.number, control.reading.number,
        status.writing.number,
      ]
      shepherd = try Shepherds.start { () throws(SpawnFailure) in
        try Spawner.start(
          program.path, arguments: ["run", "--", command.path] + command.arguments, environment: command.environment,
          descriptors: descriptors)
      }
    } catch {
      throw QuarryError(
        .executor, "the process supervisor \(program.path) cannot be started: \(errorText(error.code))")
    }
    let ends = [
      input.writing.number, output.reading.number, errors.reading.number, controlling,
      status.reading.number,
    ]
    inputNumber = input.writing.number
    self.input = .some(input.writing)
    self.output = output.reading
    self.errors = errors.reading
    self.status = status.reading
    Self.makeNonBlocking(ends)
  }

  /// Takes over what was started before; its descriptors are this object's from now on.
  package init(_ started: Started) {
    shepherd = started.shepherd
    Shepherds.adopt(started.shepherd)
    inputNumber = started.input
    input = .some(Descriptor(owning: started.input))
    output = Descriptor(owning: started.output)
    errors = Descriptor(owning: started.errors)
    deadlines = DeadlineLine(Descriptor(owning: started.control))
    status = Descriptor(owning: started.status)
    Self.makeNonBlocking([started.input, started.output, started.errors, started.control, started.status])
  }

  private static func makeNonBlocking(_ numbers: [Int32]) {
    for number in numbers { Descriptor.makeNonBlocking(number) }
  }

  deinit {
    if end == nil { _ = finish() }
  }

  /// The command reads the end of its input.
  package func closeInput() {
    input = nil
    inputNumber = -1
  }

  /// Asks the command's process group to end (SIGTERM); two seconds later everything is killed.
  package func terminate() {
    signalShepherd(SIGTERM)
    signalShepherd(SIGCONT)
  }

  /// Kills the command and all that it started, at once.
  package func killTree() {
    deadlines.close()
    signalShepherd(SIGCONT)
  }

  /// One that somebody has stopped would hear of nothing, and is woken.
  private func signalShepherd(_ signal: Int32) {
    if end == nil { kill(shepherd, signal) }
  }

  /// Reads what the shepherd tells. Answers nil while the command or a descendant lives.
  package func readEnd() -> ProcessEnd? {
    if let end { return end }
    var bytes = [UInt8](repeating: 0, count: 64)
    while true {
      let count = Glibc.read(status.number, &bytes, bytes.count)
      if count > 0 {
        statusLine += bytes[..<count]
      } else if count == 0 {
        break
      } else if errno != EINTR {
        return nil
      }
    }
    Shepherds.reap(shepherd)
    let end = ProcessEnd(statusLine: String(decoding: statusLine, as: UTF8.self))
    // Nobody else ends what a killed shepherd left behind.
    if end == .unknown { Orphans.kill() }
    self.end = end
    return end
  }

  /// Kills what is left and waits for the end.
  package func finish() -> ProcessEnd {
    killTree()
    while true {
      if let end = readEnd() { return end }
      var wait = pollfd(fd: status.number, events: Int16(POLLIN), revents: 0)
      poll(&wait, 1, -1)
    }
  }
}
