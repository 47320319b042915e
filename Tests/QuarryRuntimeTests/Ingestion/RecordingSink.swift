import Dispatch
import QuarryCore
import Synchronization

/// Storage in memory that keeps what was committed, in order, and fails or waits when it is told to.
final class RecordingSink: EventSink {
  struct State {
    var commits: [[String]] = []
    var largestCommit = 0
    var files: [String: [UInt8]] = [:]
    var attempts = 0
    /// Lines of the last attempt.
    var lastOffered: [String] = []
    var failureKind = QuarryError.Kind.storage
    /// Failing commits leave all of theirs visible.
    var failsVisibly = false
    var isInDoubt = false
    /// Attempts up to this one fail.
    var lastFailing = 0
    /// And these, from 1.
    var failing: Set<Int> = []
  }

  private let state = Mutex(State())
  private let gate: DispatchSemaphore?
  private let entered = DispatchSemaphore(value: 0)

  /// - Parameter gated: every commit waits for one `letThrough`.
  init(gated: Bool = false) { gate = gated ? DispatchSemaphore(value: 0) : nil }

  func write(_ batch: RecordBatch) throws(QuarryError) {
    entered.signal()
    gate?.wait()
    let lines = batch.groups.flatMap { group in
      String(decoding: group.lines, as: UTF8.self).split(separator: "\n").map(String.init)
    }
    let failure = state.withLock { state -> QuarryError.Kind? in
      state.attempts += 1
      state.lastOffered = lines
      let fails = state.attempts <= state.lastFailing || state.failing.contains(state.attempts)
      return fails ? state.failureKind : nil
    }
    if let failure {
      state.withLock { $0.isInDoubt = $0.failsVisibly }
      throw QuarryError(failure, "the disk is full", remedy: "make room")
    }
    state.withLock { state in
      state.isInDoubt = false
      state.commits.append(lines)
      state.largestCommit = max(state.largestCommit, batch.byteCount)
    }
  }

  func putFile(name: String, contentType: String, data: UnsafeRawBufferPointer) throws(QuarryError) {
    let isNew = state.withLock { $0.files.updateValue($0.files[name] ?? Array(data), forKey: name) == nil }
    guard isNew else { throw QuarryError(.storage, "the file '\(name)' is there already") }
  }

  /// The next `count` commits fail.
  func failNext(_ count: Int) { state.withLock { $0.lastFailing = $0.attempts + count } }

  /// These attempts fail, from 1.
  func fail(_ attempts: Set<Int>) { state.withLock { $0.failing = attempts } }

  /// What failing commits say; `.redis`: storage has it, another sink has not.
  func fail(as kind: QuarryError.Kind) { state.withLock { $0.failureKind = kind } }

  /// From now on.
  func failVisibly() { state.withLock { $0.failsVisibly = true } }

  /// Lets one waiting or coming commit through.
  func letThrough(_ count: Int = 1) { for _ in 0..<count { gate?.signal() } }

  /// Waits until one more commit has begun.
  func waitForCommitToBegin() { entered.wait() }

  var isInDoubt: Bool { state.withLock { $0.isInDoubt } }
  var commits: [[String]] { state.withLock { $0.commits } }
  var lastOffered: [String] { state.withLock { $0.lastOffered } }
  var attempts: Int { state.withLock { $0.attempts } }
  var largestCommit: Int { state.withLock { $0.largestCommit } }
  var files: [String: [UInt8]] { state.withLock { $0.files } }

  /// All committed lines, parsed.
  func records() throws -> [JSONValue] { try commits.joined().map { try JSONParser.parse($0) } }
}
