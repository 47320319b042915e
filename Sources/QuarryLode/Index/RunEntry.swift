import QuarryCore

/// A run in the index, as bytes: what tells runs apart is at fixed places, so that most are passed over without decoding.
///
/// Numbers are in the machine's own order; an index of another machine fails its check and is made anew.
///
///     0  length of the entry (4)   4  place of its day folder (4)   8  first snapshot (8)
///     16 last snapshot (8)   24 started, ended, attempt, depth, epoch (8 each)   64 state (1)
///     65 which of those five are there (1)   66 texts, each after its length (4; all ones for nil)
struct RunEntry {
  /// In the order in which they lie.
  enum Text: Int, CaseIterable {
    /// The run's folder, `run_id=…` as it is on disk.
    case name
    case jobID, parentRunID, originRunID, policy, taskID
  }

  static let fixedSize = 66
  fileprivate static let none = UInt32.max

  let bytes: UnsafeRawBufferPointer

  var day: Int { Int(load(4, UInt32.self)) }
  var first: SnapshotID { SnapshotID(load(8, UInt64.self)) }
  var state: RunState { RunState(code: bytes[64]) ?? .running }
  var startedAt: Timestamp? { number(0).map { Timestamp(nanoseconds: $0) } }

  /// Whether all its texts lie within it; to be asked before anything else is read.
  var isWhole: Bool {
    var place = Self.fixedSize
    for _ in Text.allCases {
      guard place + 4 <= bytes.count else { return false }
      let length = load(place, UInt32.self)
      place += 4 + (length == Self.none ? 0 : Int(length))
    }
    return place == bytes.count
  }

  /// Whether it can be a run's, lying in one of so many day folders.
  func isSound(days: Int) -> Bool {
    day < days && RunState(code: bytes[64]) != nil && first.value < Int64.max
      && raw(.name)?.starts(with: "run_id=".utf8) == true
  }

  private func load<Value: BitwiseCopyable>(_ place: Int, _ type: Value.Type) -> Value {
    bytes.loadUnaligned(fromByteOffset: place, as: type)
  }

  /// One of the five numbers.
  private func number(_ index: Int) -> Int64? {
    bytes[65] & 1 << UInt8(index) == 0 ? nil : load(24 + 8 * index, Int64.self)
  }

  /// A text as it lies; nil where the run has none.
  func raw(_ text: Text) -> UnsafeRawBufferPointer? {
    var place = Self.fixedSize
    for _ in 0..<text.rawValue {
      let length = load(place, UInt32.self)
      place += 4 + (length == Self.none ? 0 : Int(length))
    }
    let length = load(place, UInt32.self)
    return length == Self.none ? nil : UnsafeRawBufferPointer(rebasing: bytes[(place + 4)..<(place + 4 + Int(length))])
  }

  func string(_ text: Text) -> String? { raw(text).map { String(decoding: $0, as: UTF8.self) } }

  func has(_ text: Text, _ value: String) -> Bool { raw(text).map { $0.elementsEqual(value.utf8) } ?? false }

  /// - Parameter path: the run's own.
  func summary(_ path: RunPath) -> RunSummary {
    var run = RunSummary(path: path, firstSnapshot: first)
    run.lastSnapshot = SnapshotID(load(16, UInt64.self))
    run.state = state
    run.startedAt = startedAt
    run.endedAt = number(1).map { Timestamp(nanoseconds: $0) }
    run.attempt = number(2)
    run.depth = number(3)
    run.epoch = number(4)
    run.jobID = string(.jobID)
    run.parentRunID = string(.parentRunID)
    run.originRunID = string(.originRunID)
    run.policy = string(.policy)
    run.taskID = string(.taskID)
    return run
  }

  /// The order of the index: the newest first snapshot first, and of one snapshot the
  /// greatest name.
  func precedes(_ other: RunEntry) -> Bool {
    if first != other.first { return first > other.first }
    guard let name = raw(.name), let next = other.raw(.name) else { return false }
    return name.elementsEqual(next) ? day < other.day : next.lexicographicallyPrecedes(name)
  }
}

extension RunSummary {
  /// Appends the run as an entry.
  /// - Parameter day: place of its day folder.
  func append(day: Int, to out: inout [UInt8]) {
    let start = out.count
    func add(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value) { out.append(contentsOf: $0) } }
    let numbers = [startedAt?.nanoseconds, endedAt?.nanoseconds, attempt, depth, epoch]
    add(UInt32(0))
    add(UInt32(day))
    add(firstSnapshot.value)
    add(lastSnapshot.value)
    for number in numbers { add(number ?? 0) }
    out.append(state.code)
    out.append(numbers.indices.reduce(0) { numbers[$1] == nil ? $0 : $0 | 1 << UInt8($1) })
    for text in RunEntry.Text.allCases {
      guard let value = self.text(text) else {
        add(RunEntry.none)
        continue
      }
      add(UInt32(value.utf8.count))
      out += value.utf8
    }
    withUnsafeBytes(of: UInt32(out.count - start)) { out.replaceSubrange(start..<start + 4, with: $0) }
  }

  private func text(_ text: RunEntry.Text) -> String? {
    switch text {
    case .name: path.name
    case .jobID: jobID
    case .parentRunID: parentRunID
    case .originRunID: originRunID
    case .policy: policy
    case .taskID: taskID
    }
  }
}

extension RunState {
  fileprivate var code: UInt8 {
    switch self {
    // A lost run is one without an end: each query judges anew.
    case .running, .lost: 1
    case .succeeded: 2
    case .failed: 3
    }
  }

  fileprivate init?(code: UInt8) {
    guard let state = Self.allCases.first(where: { $0.code == code }) else { return nil }
    self = state
  }
}
