import Foundation
import QuarryCore
import QuarryLode
import Synchronization

/// A run with one event type or several, in a dataset of its own below `root`.
struct Run {
  let partition: RunPartition
  let sink: LodeRunSink

  init(
    _ dataset: LodeDataset, id: String, source: String = "shop", category: String = "default",
    day: String = "2026-11-24"
  ) throws {
    partition = try RunPartition(
      dataset: dataset.layout.dataset, source: source, category: category, day: day, runID: id)
    sink = dataset.sink(for: partition)
  }

  func batch(_ fill: (inout RecordBatch) -> Void) -> RecordBatch {
    var batch = RecordBatch(partition: partition, policy: "strict")
    fill(&batch)
    return batch
  }

  func items(_ range: Range<Int>) -> RecordBatch {
    batch { batch in
      for seq in range { batch.addEvent("item", seq: seq) }
    }
  }

  func put(_ name: String, _ content: String, type: String = "text/plain") throws {
    try Array(content.utf8).withUnsafeBytes { try sink.putFile(name: name, contentType: type, data: $0) }
  }
}

extension RecordBatch {
  mutating func addEvent(_ type: String, seq: Int, more: (inout [UInt8]) -> Void = { _ in }) {
    append(.event, eventType: type) { out in
      JSONText.appendMember("seq", Int64(seq), to: &out)
      JSONText.appendMember("ts", "2026-11-24T10:00:\(seq % 60 < 10 ? "0" : "")\(seq % 60).000Z", to: &out)
      more(&out)
    }
  }

  mutating func addChunk(artifact: String, seq: Int, last: Bool, length: Int) {
    append(.artifactChunk, eventType: "artifact") { out in
      JSONText.appendMember("artifact_id", artifact, to: &out)
      JSONText.appendMember("seq", Int64(seq), to: &out)
      JSONText.appendKey("is_last", to: &out)
      JSONText.append(last, to: &out)
      JSONText.appendMember("length", Int64(length), to: &out)
      JSONText.appendMember("data", String(repeating: "QUJD", count: length / 3), to: &out)
    }
  }

  mutating func addMetrics(completed: Int) {
    append(.metrics, eventType: "metrics") { out in
      JSONText.appendMember("ts", "2026-11-24T10:01:00Z", to: &out)
      JSONText.appendMember("runs_completed_total", Int64(completed), to: &out)
    }
  }
}

/// Every file below a folder, by its path from there.
func tree(_ root: String) -> [String] {
  (FileManager.default.enumerator(atPath: root)?.allObjects as? [String] ?? []).filter { path in
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isFolder) && !isFolder.boolValue
  }.sorted()
}

func text(_ path: String) -> String? {
  FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
}

func put(_ text: String, at path: String) throws {
  try FileManager.default.createDirectory(
    atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
  try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

/// All `seq` values of a run's events of a type, in stored order.
func sequence(_ reader: LodeReader, _ run: String, type: String = "item") throws -> [Int] {
  var found: [Int] = []
  try reader.records(RecordQuery(runs: RunFilter(runID: run), types: [type])) { line in
    if let seq = (try? JSONParser.parse(Array(line)))?["seq"]?.integer { found.append(Int(seq)) }
    return true
  }
  return found
}

/// Runs the bodies on threads of their own and waits for all.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  let group = DispatchGroup()
  for index in 0..<count {
    group.enter()
    let thread = Thread {
      body(index)
      group.leave()
    }
    thread.start()
  }
  group.wait()
}

/// What a writer does that may die on the way: two event types, a file, then a second commit.
/// - Returns: how many commits were acknowledged.
func commitTwice(_ dataset: LodeDataset, id: String) throws -> Int {
  let run = try Run(dataset, id: id)
  var acknowledged = 0
  do {
    try run.sink.write(
      run.batch {
        $0.addEvent("item", seq: 0); $0.addEvent("log", seq: 1)
      })
    acknowledged = 1
    try run.put("a.txt", "hello")
    try run.sink.write(run.items(2..<3))
    acknowledged = 2
  } catch is QuarryError {}
  return acknowledged
}

/// What is wrong with a chain; empty when nothing is.
func faults(_ chain: Listing<Manifest>) -> [String] {
  var faults = chain.warnings
  for (newer, older) in zip(chain.rows, chain.rows.dropFirst()) {
    if newer.parent != older.id || newer.id <= older.id || newer.createdAt < older.createdAt {
      faults.append("\(newer.id) does not follow \(older.id)")
    }
  }
  if let last = chain.rows.last, last.parent != nil { faults.append("the chain ends early") }
  return faults
}

/// What is wrong with a dataset on disk as a whole; empty when nothing is.
func faults(_ reader: LodeReader) throws -> [String] {
  let listing = try reader.chain()
  var faults = faults(listing)
  for manifest in listing.rows {
    for file in manifest.files {
      let attributes = try? FileManager.default.attributesOfItem(atPath: reader.layout.path(of: file.path))
      if attributes?[.size] as? Int64 != file.sizeBytes { faults.append("\(file.path) is missing or of another size") }
    }
  }
  return faults
}

/// Ids of all manifests on disk.
func manifestsOnDisk(_ reader: LodeReader) -> Set<SnapshotID> {
  Set(
    tree(reader.layout.folder).filter { $0.hasSuffix("/manifest.json") }.compactMap { path in
      path.split(separator: "/").dropLast().last.flatMap { SnapshotID($0) }
    })
}

/// A clock that stands still: ids then count up from its time.
func stillClock(_ nanoseconds: Int64 = 1_764_000_000_000_000_000) -> SnapshotClock {
  SnapshotClock { Timestamp(nanoseconds: nanoseconds) }
}

/// Counts the operations that change something, and fails from a chosen one on (a crash: nothing more happens) or
/// only there.
final class Faults: Sendable {
  private struct State {
    var count = 0
    var at: Int?
    var staysDown = false
    var fault = FileSystem.Fault.failure(EIO)
  }
  private let state = Mutex(State())

  var count: Int { state.withLock { $0.count } }

  func fail(at index: Int, with fault: FileSystem.Fault, staysDown: Bool) {
    state.withLock {
      $0 = State(count: 0, at: index, staysDown: staysDown, fault: fault)
    }
  }

  func heal() { state.withLock { $0.at = nil } }

  var files: FileSystem {
    FileSystem { [self] _, _ in
      state.withLock { state in
        defer { state.count += 1 }
        guard let at = state.at else { return nil }
        return state.count == at || state.staysDown && state.count > at ? state.fault : nil
      }
    }
  }
}

/// What may lie in the place of a partition's manifest.
enum CopyFlaw: String, CaseIterable {
  case empty, folder, cut, another

  /// Part of what is said of it.
  var reason: String {
    switch self {
    case .empty: "it is empty"
    case .folder: "it is no regular file"
    case .cut: "is not the manifest of snapshot"
    case .another: "it says something else"
    }
  }

  /// Its other names stay what they are.
  func apply(to path: String) throws {
    let whole = text(path) ?? ""
    try FileManager.default.removeItem(atPath: path)
    switch self {
    case .empty: try put("", at: path)
    case .folder: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    case .cut: try put(String(whole.dropLast(20)), at: path)
    case .another: try put(whole.replacing(#""row_count": "#, with: #""row_count": 1"#), at: path)
    }
  }
}
