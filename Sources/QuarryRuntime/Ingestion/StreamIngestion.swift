import Glibc
import QuarryCore
import QuarryWire

/// Takes the executor's standard output of one run: cuts frames, validates them, and gives their records to the
/// policy. Of an artifact or a file it holds no more than the frame.
///
/// Lives on the run's own thread. The order of calls: `read` whenever there is something to read, after each
/// `takeAcks`, between them `tick` when `nextDeadline` has come; at end of file `endOfStream`; last of all exactly one
/// of `finish` and `abandon`. The first failure is final: later reads throw it again.
package final class StreamIngestion {
  /// What one read brought.
  package enum ReadProgress: Equatable {
    case bytes(Int)
    case wouldBlock
    case endOfFile
  }

  // Each event reads or changes the unchecked ones a few times, always on the run's own thread and with nothing called
  // meanwhile that could come back to them: having each access noted would cost a tenth of the event.

  /// The first frame has come.
  @exclusivity(unchecked) package private(set) var hasStarted = false
  package internal(set) var terminal: TerminalEvent? { didSet { isOver = terminal != nil } }
  /// There is a terminal event: looking whether there is one takes as long as all else that keeps count of an item.
  @exclusivity(unchecked) private var isOver = false
  /// The script's last wish for another proxy.
  package internal(set) var rotation: RotationWish?
  /// The first one that came.
  package private(set) var runResult: RunResultFrame?
  /// The first one that came.
  package private(set) var runEnd: RunEndFrame?

  @exclusivity(unchecked) private var decoder: FrameDecoder
  private let transcoder: ItemTranscoder
  private var failure: IngestionFailure?
  var acks: [UInt8] = []
  @exclusivity(unchecked) var order: EventOrder
  var assembly: ArtifactAssembly
  @exclusivity(unchecked) var counts = IngestionFigures()
  var derivedCount = 0

  let policy: any IngestionPolicy
  let sink: any EventSink
  let derived: (any DerivedWorkSink)?
  let checksumsChunks: Bool
  private let onStart: () -> Void
  let onNote: (String) -> Void
  let onLoss: (String) -> Void
  let onLog: ((_ level: String, _ message: String) -> Void)?
  let onRotation: (RotationWish) -> Void

  /// - Parameters:
  ///   - derived: takes the work of `enqueue` events; nil when they are only recorded.
  ///   - artifactLimit: bytes that one artifact may have.
  ///   - checksumsChunks: records of artifacts bear checksums of what they hold.
  ///   - runsAtOnce: runs that share this process' memory.
  ///   - clock: monotonic, in nanoseconds; `nextDeadline` is in it.
  ///   - onStart: called at the first frame, before anything of it is stored.
  ///   - onNote: called with what is odd but does not end the run.
  ///   - onLoss: called with what was to be stored and is not, though the run goes on; nil makes a note of it.
  ///   - onLog: called with the script's `log` events.
  ///   - onRotation: called at the first wish for another proxy.
  package init(
    identity: RunIdentity, partition: RunPartition, policy: PolicyConfiguration, sink: any EventSink,
    derived: (any DerivedWorkSink)? = nil, artifactLimit: Int64 = ArtifactAssembly.largest,
    checksumsChunks: Bool = false,
    runsAtOnce: Int = 1, clock: @escaping () -> UInt64 = { StreamIngestion.monotonicNanoseconds() },
    onStart: @escaping () -> Void = {}, onNote: @escaping (String) -> Void = { _ in },
    onLoss: ((String) -> Void)? = nil, onLog: ((_ level: String, _ message: String) -> Void)? = nil,
    onRotation: @escaping (RotationWish) -> Void = { _ in }
  ) {
    let batch = RecordBatch(partition: partition, policy: policy.name.rawValue, task: identity.task)
    let memory = MemoryShare(runsAtOnce: runsAtOnce)
    decoder = FrameDecoder(readSize: memory.readSize)
    self.policy = policy.makePolicy(
      batch: batch, sink: sink, memory: memory, clock: clock, onNote: onNote,
      onLoss: onLoss ?? onNote)
    self.sink = sink
    self.derived = derived
    self.checksumsChunks = checksumsChunks
    self.onStart = onStart
    self.onNote = onNote
    self.onLoss = onLoss ?? onNote
    self.onLog = onLog
    self.onRotation = onRotation
    transcoder = ItemTranscoder(identity)
    order = EventOrder(identity)
    assembly = ArtifactAssembly(limit: artifactLimit)
  }

  /// `CLOCK_MONOTONIC`.
  package static func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// One `read(2)`, and everything that the bytes complete. The policy may block on storage; `strict` has stored all
  /// of it when this returns, but for what came with the executor's last word.
  package func read(from descriptor: Int32) throws(IngestionFailure) -> ReadProgress {
    try whileSound { () throws(IngestionFailure) in
      let buffer = decoder.writableBuffer()
      var count: Int
      repeat { count = Glibc.read(descriptor, buffer.baseAddress, buffer.count) } while count < 0 && errno == EINTR
      if count == 0 { return .endOfFile }
      guard count > 0 else {
        if errno == EAGAIN || errno == EWOULDBLOCK { return .wouldBlock }
        throw IngestionFailure(.stream, "the executor's output cannot be read: \(String(cString: strerror(errno)))")
      }
      decoder.commit(count)
      let (wasOver, hadEnded) = (isOver, runEnd != nil)
      while let frame = try nextFrame() { try take(frame) }
      // With the executor's last word here the last flush is next, and nothing is read before it.
      if runEnd != nil, !hadEnded { return .bytes(count) }
      if isOver, !wasOver { try policy.terminated() }
      try policy.endOfRead()
      return .bytes(count)
    }
  }

  /// The executor has closed its output by itself.
  /// - Throws: `.stream` when it ended inside a frame; after the terminal event that is normal.
  package func endOfStream() throws(IngestionFailure) {
    guard terminal == nil else { return }
    try whileSound { () throws(IngestionFailure) in
      do throws(WireError) { try decoder.finish() } catch { throw IngestionFailure(error, in: "the executor's output") }
    }
  }

  /// True while bytes have come that are no whole frame.
  package var isInsideFrame: Bool { decoder.pendingCount > 0 }

  /// Frames that wait to be written to the executor's standard input; empty nearly always.
  package func takeAcks() -> [UInt8] {
    defer { acks = [] }
    return acks
  }

  /// When `tick` wants to be called.
  package var nextDeadline: UInt64? { policy.nextDeadline }

  package func tick() throws(IngestionFailure) {
    try whileSound { () throws(IngestionFailure) in try policy.tick() }
  }

  /// Stores what the policy still holds; also to be called after a failure, so that what was valid before it is kept.
  /// - Parameter closing: appends a record that goes into the same commit, told the figures as they are after it. Only where
  ///   something is left, and storage is the only sink: what others will have taken cannot be told.
  /// - Returns: whether `closing` is stored.
  /// - Throws: `.policy`: this is the last flush, nothing is tried after it.
  @discardableResult
  package func finish(
    closing: ((IngestionFigures, inout RecordBatch) -> Void)? = nil
  ) throws(IngestionFailure) -> Bool {
    guard let closing, sink.figures.isEmpty else { return try policy.finish(closing: nil) }
    return try policy.finish { closing(self.figures(with: $0), &$1) }
  }

  /// The run may write nothing any more. Waits for a flush that is under way.
  package func abandon() { policy.abandon() }

  package var figures: IngestionFigures { figures(with: policy.figures) }

  private func figures(with policy: PolicyFigures) -> IngestionFigures {
    var figures = counts
    figures.artifacts = assembly.figures
    figures.policy = policy
    figures.sinks = sink.figures
    figures.artifacts.committed =
      figures.sinks.first { $0.name == "lode" }?.artifactsWritten ?? figures.policy.artifactsPersisted
    return figures
  }

  // MARK: Inside

  /// Remembers the first failure, and goes no further after it.
  private func whileSound<Value>(_ body: () throws(IngestionFailure) -> Value) throws(IngestionFailure) -> Value {
    if let failure { throw failure }
    do throws(IngestionFailure) {
      return try body()
    } catch {
      failure = error
      if error.isUndecodable { counts.decodeErrors += 1 }
      throw error
    }
  }

  private func nextFrame() throws(IngestionFailure) -> UnsafeRawBufferPointer? {
    do throws(WireError) {
      return try decoder.nextFrame()
    } catch {
      throw IngestionFailure(error, in: "the executor's output after event \(order.lastSeq)")
    }
  }

  @inline(__always)
  private func start() {
    guard !hasStarted else { return }
    hasStarted = true
    onStart()
  }

  private func take(_ bytes: UnsafeRawBufferPointer) throws(IngestionFailure) {
    if !isOver, let item = transcoder.item(in: bytes) {
      start()
      return try take(item, frameLength: bytes.count)
    }
    let frame: Frame
    do throws(WireError) {
      frame = try Frame(bytes)
    } catch {
      throw IngestionFailure(error, in: "the executor's output after event \(order.lastSeq)")
    }
    start()
    switch frame {
    case .event(let event): try take(event, frameLength: bytes.count)
    case .artifactChunk(let chunk): try take(chunk)
    case .fileWrite(let file): try take(file)
    case .runResult(let result): runResult = runResult ?? result
    case .runBegin: break
    case .runEnd(let end): runEnd = runEnd ?? end
    }
  }
}
