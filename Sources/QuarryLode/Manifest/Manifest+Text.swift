import QuarryCore

extension Manifest {
  /// The stored form: two-space indent, keys in the format's order, absent members left out, no newline at the end.
  package var encoded: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(512 + files.count * 200)
    out += #"{\#n  "schema_name": "lode-manifest",\#n  "format_version": "1.0.0""#.utf8
    Self.append("dataset_id", dataset, to: &out)
    Self.append("snapshot_id", id.description, to: &out)
    Self.append("created_at", createdAt, to: &out)
    appendMetadata(to: &out)
    appendFiles(to: &out)
    if let parent { Self.append("parent_snapshot_id", parent.description, to: &out) }
    out += ",\n  \"row_count\": \(rowCount)".utf8
    if !codec.isEmpty { Self.append("codec", codec, to: &out) }
    Self.append("compressor", compressor, to: &out)
    Self.append("partitioner", "hive", to: &out)
    if let checksumAlgorithm { Self.append("checksum_algorithm", checksumAlgorithm, to: &out) }
    out += "\n}".utf8
    return out
  }

  private func appendMetadata(to out: inout [UInt8]) {
    out += ",\n  \"metadata\": {".utf8
    guard !sidecarFiles.isEmpty || restored != nil else {
      out.append(UInt8(ascii: "}"))
      return
    }
    if let restored { out += "\n    \"restored_from\": \"\(restored)\"".utf8 }
    if !sidecarFiles.isEmpty { appendSidecars(to: &out) }
    out += "\n  }".utf8
  }

  private func appendSidecars(to out: inout [UInt8]) {
    out += (restored == nil ? "" : ",").utf8
    out += "\n    \"sidecar_files\": [".utf8
    for (index, file) in sidecarFiles.enumerated() {
      out += (index == 0 ? "\n      {\n        \"path\": " : ",\n      {\n        \"path\": ").utf8
      JSONText.append(file.path, to: &out)
      out += ",\n        \"filename\": ".utf8
      JSONText.append(file.filename, to: &out)
      out += ",\n        \"content_type\": ".utf8
      JSONText.append(file.contentType, to: &out)
      out += ",\n        \"size\": \(file.size)".utf8
      if let checksum = file.checksum {
        out += ",\n        \"checksum\": ".utf8
        JSONText.append(checksum, to: &out)
      }
      out += "\n      }".utf8
    }
    out += "\n    ]".utf8
  }

  private func appendFiles(to out: inout [UInt8]) {
    out += ",\n  \"files\": [".utf8
    for (index, file) in files.enumerated() {
      out += (index == 0 ? "\n    {\n      \"path\": " : ",\n    {\n      \"path\": ").utf8
      JSONText.append(file.path, to: &out)
      out += ",\n      \"size_bytes\": \(file.sizeBytes)".utf8
      if let checksum = file.checksum {
        out += ",\n      \"checksum\": ".utf8
        JSONText.append(checksum, to: &out)
      }
      out += "\n    }".utf8
    }
    out += (files.isEmpty ? "]" : "\n  ]").utf8
  }

  private static func append(_ key: String, _ value: String, to out: inout [UInt8]) {
    out += ",\n  \"\(key)\": ".utf8
    JSONText.append(value, to: &out)
  }
}
