import Crypto
import Glibc
import QuarryCore

/// Walks the chain and holds each manifest against the files that it names.
struct ChainVerifier {
  private var chain: ChainReader
  private let report: (Finding) -> Void
  private(set) var reachable = Reachable()
  /// Rows that each manifest says, in the order of `reachable.ids`; nil where it says none, or they cannot be counted.
  private(set) var rows: [Int64?] = []
  private(set) var files = 0
  private(set) var bytes: Int64 = 0
  private(set) var sidecarFiles = 0
  /// Data files that are not there, by the hash of their paths.
  private(set) var missing: Set<Int> = []
  private var warningsTold = 0
  private var removed: RemovedRecords
  /// Folders that were removed, and how many snapshots had records there.
  private var removedFolders: [String: Int] = [:]
  private var bareTold = 0
  private var leftOutTold: Set<SnapshotID> = []

  private var layout: DatasetLayout { chain.layout }

  init(chain: ChainReader, report: @escaping (Finding) -> Void) {
    self.chain = chain
    self.report = report
    removed = RemovedRecords(layout: chain.layout)
  }

  /// - Parameter head: the newest snapshot when the verification began.
  mutating func verify(head: Manifest?) throws(FileFailure) {
    try verifyPointer(head)
    var current = head
    while let manifest = current {
      try verify(manifest)
      current = try chain.parent(of: manifest)
      tellWarnings()
      guard let current else { continue }
      if current.createdAt > manifest.createdAt, isEarlier(manifest, than: current) {
        error(.chain, canonical(manifest.id), "its created_at is earlier than that of \(current.id), which it follows")
      }
    }
    for (folder, count) in removedFolders.sorted(by: { $0.key < $1.key }) {
      let message = "was removed: \(count) snapshots had records there that nothing is left of"
      report(Finding(.note, .removed, "\(layout.partitions)/\(folder)", message))
    }
  }

  private mutating func verifyPointer(_ head: Manifest?) throws(FileFailure) {
    tellWarnings()
    guard let head else {
      if chain.damage != nil {
        error(.pointer, layout.pointer, "names no snapshot that can be read, and there is no other")
      }
      return
    }
    if let damage = chain.damage { return error(.pointer, layout.pointer, damage.message(layout)) }
    guard try chain.pointer() != head.id else { return }
    // Somebody may have committed since the head was read.
    if let named = try chain.pointer(), try chain.manifest(named) != nil, named > head.id { return }
    if try layout.store.exists(layout.pointer) {
      error(.pointer, layout.pointer, "names no snapshot that can be read; \(head.id) is taken for the newest")
    } else {
      report(Finding(.note, .pointer, layout.pointer, "is not there; \(head.id) is taken for the newest"))
    }
  }

  private func isEarlier(_ child: Manifest, than parent: Manifest) -> Bool {
    guard let left = Timestamp(child.createdAt), let right = Timestamp(parent.createdAt) else { return false }
    return left < right
  }

  private mutating func verify(_ manifest: Manifest) throws(FileFailure) {
    let path = canonical(manifest.id)
    for file in reachable.add(manifest) { error(.chain, path, "a later snapshot names \(file.path) as well") }
    if let problem = manifest.unknownFormat { error(.manifest, path, problem) }
    if manifest.rowCount < 0 { error(.manifest, path, "its row_count is \(manifest.rowCount)") }
    var canCount = manifest.rowCount > 0 && manifest.unknownFormat == nil
    var gone: Set<String> = []
    for file in manifest.files { canCount = try verify(file, of: manifest, &gone) && canCount }
    canCount = try verifyCopies(of: manifest) && canCount
    rows.append(canCount ? manifest.rowCount : nil)
    for file in manifest.sidecarFiles { try verify(file, of: manifest) }
    for folder in gone { removedFolders[folder, default: 0] += 1 }
  }

  /// - Parameter gone: gets the folder that was removed with the file.
  /// - Returns: whether its rows can be counted.
  private mutating func verify(
    _ file: Manifest.File, of manifest: Manifest, _ gone: inout Set<String>
  ) throws(FileFailure) -> Bool {
    let path = layout.path(of: file.path)
    files += 1
    if file.sizeBytes < 0 {
      error(.manifest, canonical(manifest.id), "its size_bytes of \(file.path) is no number of bytes")
    }
    if let stated = Compression(compressor: manifest.compressor), stated != Compression(ofFile: file.path) {
      error(.manifest, canonical(manifest.id), "its compressor is '\(stated.compressor)', and it names \(file.path)")
    }
    guard let size = try layout.store.size(of: path) else {
      missing.insert(path.hashValue)
      if let folder = try removed.folder(ofKey: file.path, at: manifest.id) {
        gone.insert(folder)
      } else {
        error(.file, path, "is named by snapshot \(manifest.id) and is not there")
      }
      return false
    }
    bytes += size
    if file.sizeBytes > 0, size != file.sizeBytes {
      error(.file, path, "has \(size) bytes; its manifest says \(file.sizeBytes)")
    }
    if let checksum = file.checksum { try verify(checksum, of: path, in: manifest) }
    if let partition = layout.partition(ofDataKey: file.path), RunPath(partition) != nil,
      RunPath.eventType(partition) != nil
    {
      return true
    }
    report(Finding(.note, .file, path, "lies in no run's partition; its lines were not looked at"))
    return false
  }

  private func verify(_ checksum: String, of path: String, in manifest: Manifest) throws(FileFailure) {
    guard manifest.hasKnownChecksums else {
      let algorithm = manifest.checksumAlgorithm ?? ""
      return report(Finding(.note, .checksum, path, "has a checksum of '\(algorithm)', which is not checked"))
    }
    do throws(FileFailure) {
      guard let found = try md5(of: path), found != checksum.lowercased() else { return }
      error(.checksum, path, "is not what its manifest's checksum \(checksum) is of")
    } catch {
      guard layout.isOfOneFile(error) else { throw error }
      report(Finding(.error, .file, path, error.sentence(layout)))
    }
  }

  /// Readers find a run's snapshots by their copies in its partitions.
  /// - Returns: false when the records of a run would be missed, because none is there.
  private mutating func verifyCopies(of manifest: Manifest) throws(FileFailure) -> Bool {
    let partitions = MissingCopies.partitions(of: manifest, in: layout)
    var canFindAll = true
    for (_, partitions) in Dictionary(grouping: partitions, by: { RunPath($0)?.path ?? $0 }) {
      var missing: [String] = []
      for partition in partitions {
        let path = "\(layout.segmentFolder(manifest.id, partition: partition))/manifest.json"
        switch try MissingCopies.found(of: manifest, in: partition, layout) {
        case .whole: continue
        case .other:
          error(.manifest, path, "differs from \(canonical(manifest.id))")
          continue
        case .nothing: break
        }
        let hasData = try MissingCopies.hasData(manifest, in: partition, layout)
        let isMissing = hasData ? true : try removed.folder(of: partition, at: manifest.id) == nil
        if isMissing { missing.append(path) }
      }
      canFindAll = canFindAll && missing.count < partitions.count
      for path in missing { error(.manifest, path, MissingCopies.message(path, manifest.id)) }
    }
    return canFindAll
  }

  private mutating func verify(_ file: SidecarFile, of manifest: Manifest) throws(FileFailure) {
    sidecarFiles += 1
    let path = layout.path(of: file.path)
    guard let size = try layout.store.size(of: path) else {
      if try removed.folder(ofKey: file.path, at: manifest.id) != nil { return }
      return error(.sidecar, path, "is listed by a manifest and is not there")
    }
    if size != file.size { error(.sidecar, path, "has \(size) bytes; its manifest says \(file.size)") }
    if let checksum = file.checksum { try verify(checksum, of: path, in: manifest) }
    let meta = layout.path(of: Reachable.meta(of: file))
    guard let bytes = try layout.store.bytes(meta) else { return error(.sidecar, meta, "is not there") }
    // What is no JSON says no content type.
    let stated = (try? JSONParser.parse(bytes))?["content_type"]?.string
    if stated != file.contentType { error(.sidecar, meta, "does not say content type '\(file.contentType)'") }
  }

  private func canonical(_ id: SnapshotID) -> String { "\(layout.canonicalFolder(id))/manifest.json" }

  private func error(_ kind: Finding.Kind, _ place: String, _ message: String) {
    report(Finding(.error, kind, place, message))
  }

  private mutating func tellWarnings() {
    for warning in chain.passedOver.dropFirst(warningsTold) { error(.chain, layout.folder, warning) }
    warningsTold = chain.passedOver.count
    for id in chain.bare.dropFirst(bareTold) {
      error(.manifest, canonical(id), "is not there, and other readers follow it alone")
    }
    bareTold = chain.bare.count
    for id in chain.leftOut.subtracting(leftOutTold) {
      error(.chain, canonical(id), "was committed, and those after it do not follow it, so that it is left out")
    }
    leftOutTold = chain.leftOut
  }

  /// Nil where it cannot be opened, which the store keeps in mind.
  private func md5(of path: String) throws(FileFailure) -> String? {
    guard let file = try layout.store.open(path, first: 1 << 20) else { return nil }
    var hash = Insecure.MD5()
    var position: Int64 = 0
    while true {
      let block = try file.bytes(1 << 20, at: position)
      hash.update(data: block)
      position += Int64(block.count)
      if block.count < 1 << 20 { return MD5.hex(hash.finalize()) }
    }
  }
}
