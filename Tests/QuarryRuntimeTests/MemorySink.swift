import QuarryCore
import Synchronization

/// Keeps what a run wrote; refuses it from the moment it is told to.
final class MemorySink: EventSink {
  private struct State {
    var lines: [JSONValue] = []
    var commits = 0
    var files: [String] = []
    var refusal: QuarryError?
    var onWrite: (@Sendable () -> Void)?
  }
  private let state = Mutex(State())

  /// All record lines, in the order of the commits.
  var lines: [JSONValue] { state.withLock { $0.lines } }
  var commits: Int { state.withLock { $0.commits } }
  var files: [String] { state.withLock { $0.files } }

  func lines(_ kind: RecordKind) -> [JSONValue] { lines.filter { $0["record_kind"]?.string == kind.rawValue } }

  func refuse(_ error: QuarryError) { state.withLock { $0.refusal = error } }

  /// Called after each commit, on the run's thread.
  func onWrite(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onWrite = body } }

  func write(_ batch: RecordBatch) throws(QuarryError) {
    if let refusal = state.withLock({ $0.refusal }) { throw refusal }
    let lines = batch.groups.flatMap { group in
      group.lines.split(separator: UInt8(ascii: "\n")).compactMap { try? JSONParser.parse(Array($0)) }
    }
    let onWrite = state.withLock { state in
      state.lines += lines
      state.commits += 1
      return state.onWrite
    }
    onWrite?()
  }

  func putFile(name: String, contentType: String, data: UnsafeRawBufferPointer) throws(QuarryError) {
    if let refusal = state.withLock({ $0.refusal }) { throw refusal }
    state.withLock { $0.files.append(name) }
  }
}
