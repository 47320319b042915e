/// One frame from the executor, as views into its bytes: valid as long as they are.
package enum Frame {
  case event(EventEnvelope)
  case artifactChunk(ArtifactChunkFrame)
  case fileWrite(FileWriteFrame)
  case runResult(RunResultFrame)
  /// The script begins; of an executor that serves runs.
  case runBegin
  case runEnd(RunEndFrame)

  /// Raw bytes that one chunk or one file may hold.
  package static let maximumDataLength = 8 << 20

  /// - Parameter payload: the frame without its length prefix.
  /// - Throws: `.otherVersion` for an event of another contract version, `.oversized` for data above 8 MiB, else
  ///   `.undecodable`.
  package init(_ payload: UnsafeRawBufferPointer) throws(WireError) {
    let fields = try FrameFields(payload)
    let type = try WireField("type", fields.type).text()
    if type == "artifact_chunk" {
      self = .artifactChunk(try ArtifactChunkFrame(payload))
    } else if type == "file_write" {
      self = .fileWrite(try FileWriteFrame(payload))
    } else if type == "run_result" {
      self = .runResult(try RunResultFrame(payload))
    } else if type == "run_begin" {
      self = .runBegin
    } else if type == "run_end" {
      self = .runEnd(try RunEndFrame(payload))
    } else {
      self = .event(try EventEnvelope(fields))
    }
  }
}

/// Bytes of an artifact, sent before the event that commits them.
package struct ArtifactChunkFrame {
  package let artifactID: WireText
  /// From 1 for each artifact.
  package let seq: Int64
  package let isLast: Bool
  package let data: UnsafeRawBufferPointer

  init(_ payload: UnsafeRawBufferPointer) throws(WireError) {
    var id: UnsafeRawBufferPointer?
    var seq: UnsafeRawBufferPointer?
    var isLast: UnsafeRawBufferPointer?
    var data: UnsafeRawBufferPointer?
    try WireMap.forEach(in: payload) { key, value throws(WireError) in
      if key == "artifact_id" { id = value }
      if key == "seq" { seq = value }
      if key == "is_last" { isLast = value }
      if key == "data" { data = value }
    }
    artifactID = try WireField("artifact_id", id).text()
    self.seq = try WireField("seq", seq).integer()
    self.isLast = try WireField("is_last", isLast).bool()
    self.data = try Self.bounded(WireField("data", data), "chunk")
  }

  static func bounded(_ field: WireField, _ what: StaticString) throws(WireError) -> UnsafeRawBufferPointer {
    let data = try field.binary()
    guard data.count <= Frame.maximumDataLength else {
      throw WireError(.oversized, "a \(what) holds \(data.count) bytes; the limit is 8 MiB")
    }
    return data
  }
}

/// A sidecar file of the run; no `seq`, and no policy sees it.
package struct FileWriteFrame {
  /// From 1; 0 when no ack is wanted.
  package let writeID: UInt32
  package let filename: WireText
  package let contentType: WireText
  package let data: UnsafeRawBufferPointer

  init(_ payload: UnsafeRawBufferPointer) throws(WireError) {
    var id: UnsafeRawBufferPointer?
    var filename: UnsafeRawBufferPointer?
    var contentType: UnsafeRawBufferPointer?
    var data: UnsafeRawBufferPointer?
    try WireMap.forEach(in: payload) { key, value throws(WireError) in
      if key == "write_id" { id = value }
      if key == "filename" { filename = value }
      if key == "content_type" { contentType = value }
      if key == "data" { data = value }
    }
    guard let writeID = UInt32(exactly: try WireField("write_id", id).integer()) else {
      throw WireError(.undecodable, "'write_id' is not an unsigned 32-bit integer")
    }
    self.writeID = writeID
    self.filename = try WireField("filename", filename).text()
    self.contentType = try WireField("content_type", contentType).text()
    self.data = try ArtifactChunkFrame.bounded(WireField("data", data), "file")
  }
}
