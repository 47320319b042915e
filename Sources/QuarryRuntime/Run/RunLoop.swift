import Glibc
import QuarryCore

/// Moves bytes between one executor and one ingestion until the executor says that the run is over, or its whole process
/// tree is dead, on one thread.
///
/// It decides when the executor must end, not what the run's outcome is: that is `RunVerdict`'s, from the facts that
/// the loop leaves behind.
final class RunLoop {
  /// Why the loop itself killed the executor.
  enum Intervention: Equatable {
    case stopped(RunControl.StopReason)
    /// Still there after its terminal event, or after it closed its output.
    case overstayed
    /// Left more acknowledgements unread than the queue holds.
    case deaf
  }

  private let process: ShepherdedProcess
  private let ingestion: StreamIngestion
  private let control: RunControl
  private let exitGrace: Duration
  private let serving: Isolation?
  private let timeoutAt: UInt64?
  private var input: InputQueue
  private(set) var errors: StandardErrorCapture
  private(set) var failure: IngestionFailure?
  /// The failure came when the executor had closed its output, so `run` answers how it ended by itself.
  private(set) var failedAtEnd = false
  /// The failure came when the process had been told to end, and sinks no longer waited.
  private(set) var failedAfterStop = false
  private(set) var intervention: Intervention?
  /// When the executor must have ended after it had no more to say.
  private var exitBy: UInt64?
  private var outputIsOpen = true
  private var errorsAreOpen = true
  private let wake = WakeSignal()

  /// - Parameter serving: of the pool that has lent the executor; nil for one that was started for this run.
  init(
    process: ShepherdedProcess, serving: Isolation?, ingestion: StreamIngestion, control: RunControl, request: [UInt8],
    configuration: RunConfiguration, onStandardError: (@Sendable (String) -> Void)?
  ) {
    self.process = process
    self.serving = serving
    self.ingestion = ingestion
    self.control = control
    exitGrace = configuration.exitGrace
    timeoutAt = configuration.timeout.map { BootClock.after($0) }
    input = InputQueue(request)
    errors = StandardErrorCapture(onLine: onStandardError)
  }

  /// Returns when the executor says that the run is over and how it would have exited, or when it and all that it started
  /// are dead and all that they wrote is read.
  func run() -> ProcessEnd {
    attach()
    defer { control.detach() }
    while true {
      obeyControl()
      obeyClocks()
      if wait(), let end = process.readEnd() {
        drain()
        return endsItself(end) ?? end
      }
      if serving != nil, intervention == nil, failure == nil, let end = ingestion.runEnd {
        if serving != .process { readLastErrors() }
        return .exited(end.code)
      }
    }
  }

  /// For an executor that dies with its run, after its word: takes in what it still says on standard error until it and all
  /// that it started are dead, its time is over, or the run is stopped.
  /// - Returns: false when its time was over.
  func awaitDeath() -> Bool {
    startExitGrace()
    attach()
    defer { control.detach() }
    while process.readEnd() == nil, control.stopReason == nil,
      let left = exitBy?.subtractingReportingOverflow(BootClock.now()),
      !left.overflow
    {
      var waits = [
        pollfd(fd: process.status.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: errorsAreOpen ? process.errors.number : -1, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&waits, nfds_t(waits.count), Int32(clamping: left.partialValue / 1_000_000 + 1)) > 0 else { continue }
      if waits[1].revents != 0 { wake.clear() }
      if waits[2].revents != 0 { readErrors() }
    }
    readLastErrors()
    return process.readEnd() != nil || control.stopReason != nil
  }

  /// An executor that serves a single run kills itself once it has said how it would have exited, and its word and its death
  /// may be read at once. An order to stop that comes after its word changes nothing.
  private func endsItself(_ end: ProcessEnd) -> ProcessEnd? {
    guard serving != nil, !mustForget, end == .signalled(SIGKILL) else { return nil }
    switch intervention {
    case nil, .stopped: return ingestion.runEnd.map { .exited($0.code) }
    case .overstayed, .deaf: return nil
    }
  }

  /// True when nothing of the run is left in the pipes, in either direction.
  var pipesAreClear: Bool { failure == nil && intervention == nil && input.isEmpty && !ingestion.isInsideFrame }

  /// Whatever this thread waits for, the shepherd hears of a renewed lease.
  private func attach() {
    let (wake, deadlines) = (wake, process.deadlines)
    control.attach(wake: { wake.raise() }, onExtend: { deadlines.move(to: $0) })
  }

  // MARK: Waiting

  /// Returns when something has come or a clock has run out, and has taken in what came.
  /// - Returns: whether the shepherd tells something too.
  private func wait() -> Bool {
    var waits = [
      pollfd(fd: process.status.number, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0),
      pollfd(fd: outputIsOpen ? process.output.number : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: errorsAreOpen ? process.errors.number : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: input.isEmpty ? -1 : process.inputNumber, events: Int16(POLLOUT), revents: 0),
    ]
    guard poll(&waits, nfds_t(waits.count), pollTimeout()) > 0 else { return false }
    if waits[1].revents != 0 { wake.clear() }
    // This process may have been stopped in `poll` until its lease was over: then nothing more may be taken in.
    obeyClocks()
    if waits[3].revents != 0 { readErrors() }
    if waits[2].revents != 0, outputIsOpen { readOutput() }
    if waits[4].revents != 0 { writeInput() }
    return waits[0].revents != 0
  }

  /// Milliseconds until the nearest clock, rounded up; -1 when there is none.
  private func pollTimeout() -> Int32 {
    let now = BootClock.now()
    var left = [timeoutAt, exitBy, control.deadline].compactMap { $0 }.map { $0 > now ? $0 - now : 0 }
    if intervention != nil { left = [] }
    if failure == nil, let tick = ingestion.nextDeadline {
      let monotonic = StreamIngestion.monotonicNanoseconds()
      left.append(tick > monotonic ? tick - monotonic : 0)
    }
    guard let nearest = left.min() else { return -1 }
    return Int32(clamping: nearest / 1_000_000 + 1)
  }

  // MARK: Reading and writing

  private func readErrors() {
    if !errors.read(from: process.errors.number) { errorsAreOpen = false }
  }

  /// Reads once.
  /// - Returns: false when there was nothing to read.
  @discardableResult
  private func readOutput() -> Bool {
    var hasRead = false
    attempt { () throws(IngestionFailure) in
      switch try ingestion.read(from: process.output.number) {
      case .bytes: hasRead = true
      case .wouldBlock: break
      case .endOfFile:
        outputIsOpen = false
        startExitGrace()
        if intervention == nil { try ingestion.endOfStream() }
      }
    }
    if ingestion.terminal != nil { startExitGrace() }
    acknowledge()
    return hasRead
  }

  private func acknowledge() {
    let acks = ingestion.takeAcks()
    guard !acks.isEmpty, process.inputNumber >= 0 else { return }
    input.append(acks)
    if input.count > InputQueue.limit { intervene(.deaf) }
    writeInput()
  }

  private func writeInput() {
    guard process.inputNumber >= 0, !input.isEmpty else { return }
    if !input.write(to: process.inputNumber) { process.closeInput() }
  }

  /// Once an ingestion has failed nothing more is read: what follows has no meaning.
  private func attempt(_ body: () throws(IngestionFailure) -> Void) {
    guard failure == nil else { return }
    do throws(IngestionFailure) {
      try body()
    } catch {
      failure = error
      failedAfterStop = control.stopReason == .shutdown
      if failedAfterStop { obeyControl() }
      // An executor that has closed its output is ending by itself, and how it ends explains more.
      if outputIsOpen { process.killTree() }
      failedAtEnd = !outputIsOpen
      outputIsOpen = false
    }
  }

  /// After the end nobody writes any more, unless a descriptor was handed to a process elsewhere: what is there now
  /// is all.
  private func drain() {
    while outputIsOpen, !mustForget, readOutput() {}
    readLastErrors()
  }

  private func readLastErrors() {
    errors.drain(from: process.errors.number)
    errors.finish()
  }

  // MARK: Ending the executor

  /// The reason of the stop that ended the executor, when one did.
  var stopReason: RunControl.StopReason? {
    if case .stopped(let reason)? = intervention { reason } else { nil }
  }

  /// True when another worker may already run the task, so that nothing more may be written.
  var mustForget: Bool { intervention == .stopped(.leaseLost) }

  private func obeyControl() {
    if let reason = control.stopReason { intervene(.stopped(reason)) }
  }

  private func obeyClocks() {
    let now = BootClock.now()
    // The shepherd kills at the deadline by itself; this process may have been asleep since.
    if let deadline = control.deadline, now >= deadline { intervene(.stopped(.leaseLost)) }
    if let timeoutAt, now >= timeoutAt { intervene(.stopped(.timeout)) }
    if let exitBy, now >= exitBy { intervene(.overstayed) }
    attempt { () throws(IngestionFailure) in
      if let tick = ingestion.nextDeadline, tick <= StreamIngestion.monotonicNanoseconds() { try ingestion.tick() }
    }
  }

  /// The first reason stands, except that a lost lease overrules all.
  private func intervene(_ reason: Intervention) {
    guard intervention == nil || reason == .stopped(.leaseLost) && !mustForget else { return }
    intervention = reason
    switch reason {
    case .stopped(.shutdown): process.terminate()
    case .stopped(.leaseLost):
      outputIsOpen = false
      process.killTree()
    default: process.killTree()
    }
  }

  private func startExitGrace() {
    if exitBy == nil { exitBy = BootClock.after(exitGrace) }
  }
}
