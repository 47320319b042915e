import QuarryCore

extension Manifest {
  /// Why a manifest cannot be used, without its path.
  package struct Unreadable: Error, Equatable {
    package let reason: String
  }

  /// Reads a manifest of any writer; members that are not known are passed over. What says which snapshots and files
  /// count must be as the format has it: a damaged one must not pass for one that names less.
  package init(parsing bytes: [UInt8]) throws(Unreadable) {
    let value: JSONValue
    do { value = try JSONParser.parse(bytes) } catch { throw Unreadable(reason: "not JSON: \(error)") }
    guard value["schema_name"] == "lode-manifest" else { throw Unreadable(reason: "not a Lode manifest") }
    guard let version = value["format_version"]?.string, version.hasPrefix("1.") else {
      throw Unreadable(reason: "format_version \(value["format_version"]?.canonicalText ?? "is missing") is not known")
    }
    guard let id = value["snapshot_id"]?.string.flatMap({ SnapshotID($0) }) else {
      throw Unreadable(reason: "snapshot_id is not a number in quotes")
    }
    var files: [File] = []
    guard let named = value["files"] else { throw Unreadable(reason: "files is missing") }
    let rowCount = value["row_count"]?.integer ?? 0
    if named == .null, rowCount > 0 { throw Unreadable(reason: "files is null, and row_count says \(rowCount)") }
    for entry in try Self.array(named, "files") {
      guard let path = entry["path"]?.string else { throw Unreadable(reason: "a file without a path") }
      guard Self.isKey(path) else { throw Unreadable(reason: "the file path '\(path)' leads out of the storage root") }
      let size = entry["size_bytes"].map { $0.integer ?? -1 } ?? 0
      files.append(File(path: path, sizeBytes: size, checksum: entry["checksum"]?.string))
    }
    var sidecars: [SidecarFile] = []
    for entry in try Self.sidecarList(value["metadata"]) {
      guard let file = Self.sidecar(entry) else { throw Unreadable(reason: "an entry of sidecar_files names no file") }
      sidecars.append(file)
    }
    self.init(
      dataset: value["dataset_id"]?.string ?? "", id: id, createdAt: value["created_at"]?.string ?? "",
      sidecarFiles: sidecars, files: files, parent: try Self.parent(value["parent_snapshot_id"]),
      rowCount: rowCount)
    restored = value["metadata"]?["restored_from"]?.string.flatMap { SnapshotID($0) }
    codec = value["codec"]?.string ?? ""
    compressor = value["compressor"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? Compression.none.compressor
    checksumAlgorithm = value["checksum_algorithm"]?.string
  }

  private static func sidecarList(_ metadata: JSONValue?) throws(Unreadable) -> [JSONValue] {
    guard let metadata, metadata != .null else { return [] }
    guard case .object = metadata else { throw Unreadable(reason: "metadata is no object") }
    return try array(metadata["sidecar_files"], "sidecar_files")
  }

  /// Null and nothing are empty, as some writers leave them.
  private static func array(_ value: JSONValue?, _ name: String) throws(Unreadable) -> [JSONValue] {
    guard let value, value != .null else { return [] }
    guard let array = value.array else { throw Unreadable(reason: "\(name) is no array") }
    return array
  }

  private static func parent(_ value: JSONValue?) throws(Unreadable) -> SnapshotID? {
    guard let value, value != .null, value != "" else { return nil }
    guard let id = value.string.flatMap({ SnapshotID($0) }) else {
      throw Unreadable(reason: "parent_snapshot_id is not a number in quotes")
    }
    return id
  }

  /// Whether a path stays below the storage root: a manifest may be anybody's.
  private static func isKey(_ path: String) -> Bool {
    !path.utf8.contains(0)
      && path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
        part.contains { $0 != UInt8(ascii: ".") } || part.count > 2
      }
  }

  /// Nil for an entry that names no file below the storage root.
  private static func sidecar(_ value: JSONValue) -> SidecarFile? {
    guard let path = value["path"]?.string, let filename = value["filename"]?.string, isKey(path) else { return nil }
    return SidecarFile(
      path: path, filename: filename, contentType: value["content_type"]?.string ?? "",
      size: value["size"]?.integer ?? 0, checksum: value["checksum"]?.string)
  }
}
