import QuarryCore

/// What one snapshot adds to a dataset, and which one it follows.
package struct Manifest: Sendable, Equatable {
  package struct File: Sendable, Equatable {
    /// Key from the storage root.
    package var path: String
    /// Of the file as it is stored; 0 where the writer does not say, negative where it says what no file can have.
    package var sizeBytes: Int64
    /// Of the file as it is stored, in hex.
    package var checksum: String?

    package init(path: String, sizeBytes: Int64, checksum: String? = nil) {
      self.path = path
      self.sizeBytes = sizeBytes
      self.checksum = checksum
    }
  }

  package var dataset: String
  package var id: SnapshotID
  /// RFC 3339 UTC; never earlier than the parent's.
  package var createdAt: String
  package var sidecarFiles: [SidecarFile]
  /// Sorted by path when written.
  package var files: [File]
  package var parent: SnapshotID?
  /// The id under which all this was committed first, where it was lost from the chain and put back.
  package var restored: SnapshotID?
  package var rowCount: Int64
  /// "jsonl"; empty where the writer does not say.
  package var codec = "jsonl"
  package var compressor = Compression.none.compressor
  /// What the checksums of the files are; nil where they have none, or the writer does not say.
  package var checksumAlgorithm: String?

  /// Whether the checksums, where there are some, are of the one sort that is checked.
  var hasKnownChecksums: Bool { ["md5", "", nil].contains(checksumAlgorithm) }
  /// Where its records stand among those of their runs.
  var order: SnapshotID { restored ?? id }

  /// Why this version cannot read the snapshot's files; nil when it can.
  package var unknownFormat: String? {
    if !["jsonl", ""].contains(codec) { return "its codec '\(codec)' is not known" }
    return Compression(compressor: compressor) == nil ? "its compressor '\(compressor)' is not known" : nil
  }

  package init(
    dataset: String, id: SnapshotID, createdAt: String, sidecarFiles: [SidecarFile] = [], files: [File],
    parent: SnapshotID?, rowCount: Int64
  ) {
    self.dataset = dataset
    self.id = id
    self.createdAt = createdAt
    self.sidecarFiles = sidecarFiles
    self.files = files
    self.parent = parent
    self.rowCount = rowCount
  }
}

/// A file that a run put beside its records.
package struct SidecarFile: Sendable, Equatable {
  /// Key from the storage root; readers open it by this, since older writers did not escape.
  package var path: String
  package var filename: String
  package var contentType: String
  package var size: Int64
  /// In hex; of which algorithm, its manifest says.
  package var checksum: String?

  package init(path: String, filename: String, contentType: String, size: Int64, checksum: String? = nil) {
    self.path = path
    self.filename = filename
    self.contentType = contentType
    self.size = size
    self.checksum = checksum
  }
}
