import QuarryCore

/// What a writer does with the bytes of its data files.
package struct StoredForm: Sendable, Equatable {
  /// What is kept beside bytes so that damage to them is noticed (`--storage-checksum`).
  package enum Checksum: String, Sendable, CaseIterable {
    case none, md5
  }

  package var compression: Compression
  package var checksum: Checksum

  package init(compression: Compression = .none, checksum: Checksum = .none) {
    self.compression = compression
    self.checksum = checksum
  }

  /// The checksum of a file as it is stored; nil when none is wanted.
  func checksum(of bytes: UnsafeRawBufferPointer) -> String? { checksum == .md5 ? MD5.hex(bytes) : nil }

  var checksumAlgorithm: String? { checksum == .md5 ? checksum.rawValue : nil }
}
