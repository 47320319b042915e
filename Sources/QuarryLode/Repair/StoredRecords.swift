import Glibc
import QuarryCore

/// Which records of a snapshot beside the chain are on the chain already, told by their run and their place in it. Memory:
/// eight bytes for each record of the partitions that are asked about.
struct StoredRecords {
  private static let members: Set<String> = ["record_kind", "artifact_id", "seq"]

  private let layout: DatasetLayout
  private let reachable: Reachable
  private var chain: ChainReader
  /// By partition.
  private var known: [String: Set<Int>] = [:]

  init(layout: DatasetLayout, reachable: Reachable) {
    self.layout = layout
    self.reachable = reachable
    chain = ChainReader(layout: layout, forgives: true)
  }

  enum Failure: Error {
    /// The store as a whole cannot be read.
    case store(QuarryError)
    /// What the snapshot itself holds is no longer what was stored: why.
    case damaged(String)
    /// Something else cannot be read now, here or on the chain: why.
    case unsure(String)
  }

  /// Counts the snapshot's records, and those that are stored; where none is, they all count as stored then.
  mutating func add(_ manifest: Manifest) throws(Failure) -> (all: Int, repeated: Int) {
    var (all, repeated) = (0, 0)
    let before = known
    var areAdded = false
    defer { if !areAdded { known = before } }
    for file in manifest.files where !reachable.names(file.path) {
      guard let partition = layout.partition(ofDataKey: file.path) else { continue }
      var known: Set<Int>
      if let found = self.known[partition] { known = found } else { known = try onChain(partition) }
      try forEach(in: file, isOwn: true) { record in
        all += 1
        if !known.insert(record).inserted { repeated += 1 }
      }
      self.known[partition] = known
    }
    areAdded = repeated == 0
    return (all, repeated)
  }

  private mutating func onChain(_ partition: String) throws(Failure) -> Set<Int> {
    var manifests: [SnapshotID: Manifest?] = [:]
    do throws(FileFailure) {
      let ids = try layout.store.snapshots(in: "\(layout.partitions)/\(partition)/segments")
      for id in ids where reachable.place(of: id) != nil { manifests[id] = .some(try chain.manifest(id)) }
    } catch { throw .store(error.described(layout)) }
    var records: Set<Int> = []
    for (id, manifest) in manifests {
      // It could be read when it was found to count.
      guard let manifest else {
        throw .unsure(chain.refused[id] ?? "no manifest of snapshot \(id) can be read any more")
      }
      for file in manifest.files where layout.partition(ofDataKey: file.path) == partition {
        try forEach(in: file, isOwn: false) { records.insert($0) }
      }
    }
    return records
  }

  private func forEach(in file: Manifest.File, isOwn: Bool, _ body: (Int) -> Void) throws(Failure) {
    do throws(FileFailure) {
      _ = try RecordLines(layout.store, layout.path(of: file.path)).forEach { line in
        body(Self.identity(of: line))
        return true
      }
    } catch {
      guard layout.isOfOneFile(error) else { throw .store(error.described(layout)) }
      let sentence = error.sentence(layout)
      throw isOwn && !error.mayPass ? .damaged(sentence) : .unsure(sentence)
    }
  }

  /// A run numbers its events, and the chunks of an artifact; of other records all of the text counts.
  private static func identity(of line: UnsafeRawBufferPointer) -> Int {
    var hasher = Hasher()
    let members = RecordMembers.read(members, from: line)
    if let seq = members["seq"]?.integer {
      hasher.combine(members["record_kind"]?.string)
      hasher.combine(members["artifact_id"]?.string)
      hasher.combine(seq)
    } else {
      hasher.combine(bytes: line)
    }
    return hasher.finalize()
  }
}
