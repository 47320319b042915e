import QuarryCore

/// Manifests of partitions that are gone, or none any more. Readers find the records of a run by these alone, and without
/// a word would leave out what they were of. What somebody has removed (`RemovedRecords`) is not missed.
struct MissingCopies {
  /// A manifest of a partition that is not what the snapshot's is.
  struct Copy {
    let path: String
    let partition: String
    /// What is wrong with what lies there; nil where nothing does.
    let reason: String?

    func message(_ id: SnapshotID) -> String {
      reason.map { "\(path) is not the manifest of snapshot \(id): \($0)" } ?? MissingCopies.message(path, id)
    }
  }

  private let layout: DatasetLayout
  /// How many are still looked for: each costs a stat, or a request.
  private var rest: Int
  private var removed: RemovedRecords
  private var named = FirstSentences()

  init(layout: DatasetLayout) {
    self.layout = layout
    rest = layout.copyReach
    removed = RemovedRecords(layout: layout)
  }

  /// A sentence for each.
  var warnings: [String] {
    named.with {
      "\($0) more manifests of partitions are missing or damaged; `quarry lode verify\(layout.flags)` names them"
    }
  }

  /// To be called with the newest first.
  /// - Parameter size: bytes of the snapshot's own manifest; nil where that was not read.
  mutating func look(for manifest: Manifest, size: Int64?) throws(FileFailure) {
    let partitions = Self.partitions(of: manifest, in: layout).prefix(rest)
    rest -= partitions.count
    for copy in try find(Array(partitions), of: manifest, size: size) {
      try named.add { [layout] () throws(FileFailure) in
        let isRepairable = try Self.hasData(manifest, in: copy.partition, layout)
        let rest =
          isRepairable ? "`quarry lode repair --yes\(layout.flags)` puts it back" : "the records are gone as well"
        return "\(copy.message(manifest.id)); \(rest)"
      }
    }
  }

  /// All that are missing of a snapshot, by their partitions.
  mutating func all(of manifest: Manifest, size: Int64?) throws(FileFailure) -> [Copy] {
    try find(Self.partitions(of: manifest, in: layout), of: manifest, size: size)
  }

  static func message(_ path: String, _ id: SnapshotID) -> String {
    "\(path) is not there, though snapshot \(id) has records in the partition"
  }

  /// Whether any of the data is left that the snapshot has in a partition.
  static func hasData(
    _ manifest: Manifest, in partition: String, _ layout: DatasetLayout
  ) throws(FileFailure) -> Bool {
    for file in manifest.files where layout.partition(ofDataKey: file.path) == partition {
      do throws(FileFailure) {
        if try layout.store.exists(layout.path(of: file.path)) { return true }
      } catch {
        guard layout.isOfOneFile(error) else { throw error }
        // Something is.
        return true
      }
    }
    return false
  }

  static func partitions(of manifest: Manifest, in layout: DatasetLayout) -> [String] {
    Set(manifest.files.compactMap { layout.partition(ofDataKey: $0.path) }).sorted()
  }

  /// What lies in a partition in the place of a snapshot's manifest.
  enum Found {
    /// What the snapshot's own says, if in other words.
    case whole
    case nothing
    /// Something else, and what is wrong with it.
    case other(String)
  }

  static func found(
    of manifest: Manifest, in partition: String, _ layout: DatasetLayout
  ) throws(FileFailure) -> Found {
    let path = path(manifest.id, partition, layout)
    if layout.store.isOne(path, canonical(manifest.id, layout)) { return .whole }
    do throws(FileFailure) {
      guard let bytes = try layout.store.bytes(path) else { return .nothing }
      return flaw(of: bytes, as: manifest).map { .other($0) } ?? .whole
    } catch {
      guard error.code == FileFailure.notRegular else { throw error }
      return .other(notRegular)
    }
  }

  private static let notRegular = "it is no regular file"

  private static func flaw(of bytes: [UInt8], as manifest: Manifest) -> String? {
    guard !bytes.isEmpty else { return "it is empty" }
    do throws(Manifest.Unreadable) {
      return try Manifest(parsing: bytes) == manifest ? nil : "it says something else"
    } catch { return error.reason }
  }

  private static func path(_ id: SnapshotID, _ partition: String, _ layout: DatasetLayout) -> String {
    "\(layout.segmentFolder(id, partition: partition))/manifest.json"
  }

  private static func canonical(_ id: SnapshotID, _ layout: DatasetLayout) -> String {
    "\(layout.canonicalFolder(id))/manifest.json"
  }

  private mutating func find(
    _ partitions: [String], of manifest: Manifest, size: Int64?
  ) throws(FileFailure) -> [Copy] {
    guard !partitions.isEmpty else { return [] }
    let own = size == nil ? [Self.canonical(manifest.id, layout)] : []
    let copies = partitions.map { Self.path(manifest.id, $0, layout) }
    let sizes = layout.concurrently(own + copies) { [layout] path throws(FileFailure) in try layout.store.size(of: path)
    }
    // Whoever comes to one that may not be looked at says so.
    let wanted = size ?? (try? sizes[0].get())
    var found: [Copy] = []
    for (index, partition) in partitions.enumerated() {
      let copy = try look(at: copies[index], sizes[own.count + index], wanted: wanted, of: manifest, in: partition)
      if let copy { found.append(copy) }
    }
    return found
  }

  /// - Parameters:
  ///   - size: what the store says of the copy.
  ///   - wanted: bytes of the snapshot's own manifest; what is of the same size passes for the same, until `verify` reads it.
  /// - Returns: nil for one that is as it should be, was removed, or may not be looked at.
  private mutating func look(
    at path: String, _ size: Result<Int64?, FileFailure>, wanted: Int64?, of manifest: Manifest, in partition: String
  ) throws(FileFailure) -> Copy? {
    do throws(FileFailure) {
      if let size = try size.get() {
        guard size != wanted, size == 0 || wanted != nil,
          case .other(let reason) = try Self.found(of: manifest, in: partition, layout)
        else { return nil }
        return Copy(path: path, partition: partition, reason: reason)
      }
    } catch {
      guard layout.isOfOneFile(error) else { throw error }
      guard error.code == FileFailure.notRegular else { return nil }
      return Copy(path: path, partition: partition, reason: Self.notRegular)
    }
    let missing = Copy(path: path, partition: partition, reason: nil)
    if try Self.hasData(manifest, in: partition, layout) { return missing }
    return try removed.folder(of: partition, at: manifest.id) == nil ? missing : nil
  }
}
