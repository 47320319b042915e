import QuarryWire

/// Follows the artifacts of a run by number and length; their bytes go on to storage and are not kept.
package struct ArtifactAssembly {
  /// Raw bytes of one stored chunk: its line in base64 stays below what other readers take.
  static let recordDataLength = 4 << 20

  /// Bytes of one artifact: 1 GiB, as `ARTIFACT_LIMIT` of the SDK.
  package static let largest: Int64 = 1 << 30

  /// Where a chunk lies in its artifact.
  struct Place: Equatable {
    /// `seq` of its first record. A chunk of several records takes as many numbers.
    let firstRecordSeq: Int64
    /// Bytes of the artifact before it.
    let offset: Int64
  }

  private struct Progress {
    var chunks: Int64 = 0
    var records: Int64 = 0
    var bytes: Int64 = 0
    var isComplete = false
    var isCommitted = false
  }

  private var artifacts: [String: Progress] = [:]
  private let limit: Int64
  private(set) var figures = IngestionFigures.Artifacts()

  /// - Parameter limit: bytes that one artifact may have.
  init(limit: Int64) { self.limit = limit }

  static func recordCount(_ dataLength: Int) -> Int { max(1, (dataLength + recordDataLength - 1) / recordDataLength) }

  mutating func add(_ chunk: ArtifactChunkFrame) throws(IngestionFailure) -> Place {
    guard let id = chunk.artifactID.validated, !id.isEmpty else { throw Self.noID }
    var progress = artifacts[id] ?? Progress()
    guard !progress.isComplete else {
      throw IngestionFailure(.stream, "a chunk of artifact '\(id)' follows its last one")
    }
    guard chunk.seq == progress.chunks + 1 else {
      throw IngestionFailure(
        .stream, "chunk \(chunk.seq) of artifact '\(id)' comes where chunk \(progress.chunks + 1) is due")
    }
    let place = Place(firstRecordSeq: progress.records + 1, offset: progress.bytes)
    progress.chunks += 1
    progress.records += Int64(Self.recordCount(chunk.data.count))
    progress.bytes += Int64(chunk.data.count)
    progress.isComplete = chunk.isLast
    guard progress.bytes <= limit else {
      throw IngestionFailure(.stream, "artifact '\(id)' is larger than the limit of \(limit) bytes")
    }
    if chunk.seq == 1 { figures.total += 1 }
    figures.chunks += 1
    figures.bytes += Int64(chunk.data.count)
    artifacts[id] = progress
    return place
  }

  mutating func commit(_ commit: ArtifactCommit) throws(IngestionFailure) {
    guard let id = commit.artifactID.validated, !id.isEmpty else { throw Self.noID }
    guard var progress = artifacts[id] else {
      throw IngestionFailure(.stream, "artifact '\(id)' is committed, but no chunk of it came")
    }
    guard !progress.isCommitted else { throw IngestionFailure(.stream, "artifact '\(id)' is committed twice") }
    guard progress.isComplete else {
      throw IngestionFailure(.stream, "artifact '\(id)' is committed before its last chunk")
    }
    guard commit.sizeBytes == progress.bytes else {
      throw IngestionFailure(
        .stream, "artifact '\(id)' has \(progress.bytes) bytes, its 'size_bytes' says \(commit.sizeBytes)")
    }
    progress.isCommitted = true
    artifacts[id] = progress
  }

  private static let noID = IngestionFailure(.stream, "an 'artifact_id' is empty or not UTF-8")
}

/// The payload of an `artifact` event, as views into its frame.
struct ArtifactCommit {
  let artifactID: WireText
  let sizeBytes: Int64
  /// All members of the payload but those two.
  let others: [(key: WireText, value: UnsafeRawBufferPointer)]

  init(_ payload: UnsafeRawBufferPointer) throws(IngestionFailure) {
    var id: UnsafeRawBufferPointer?
    var size: UnsafeRawBufferPointer?
    var others: [(key: WireText, value: UnsafeRawBufferPointer)] = []
    do throws(WireError) {
      try WireMap.forEach(in: payload) { key, value throws(WireError) in
        if key == "artifact_id" {
          id = value
        } else if key == "size_bytes" {
          size = value
        } else {
          others.append((key, value))
        }
      }
      artifactID = try WireField("artifact_id", id).text()
      sizeBytes = try WireField("size_bytes", size).integer()
      self.others = others
    } catch {
      throw IngestionFailure(.stream, "an artifact's event: \(error.message)")
    }
  }
}
