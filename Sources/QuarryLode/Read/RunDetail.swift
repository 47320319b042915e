import QuarryCore

/// Everything that is stored about one run.
package struct RunDetail: Sendable, Equatable {
  package let summary: RunSummary
  /// Records by event type; artifact chunks are not counted.
  package var counts: [String: Int64] = [:]
  /// In the order of their first chunk or commit.
  package var artifacts: [StoredArtifact] = []
  package var sidecarFiles: [SidecarFile] = []
  /// The metrics record; nil while there is none.
  package var metrics: JSONValue?
  /// The payload of its `run_error`; nil where there is none.
  package var error: JSONValue?
  /// Whether the ledger says that it is its task's result; nil for a run of no task, while the task has not ended, and where
  /// the ledger cannot be read.
  package var isAccepted: Bool?
  package var snapshotCount = 0
  /// Bytes of its data files.
  package var dataBytes: Int64 = 0
}

/// An artifact, or the chunks of one that was never committed.
package struct StoredArtifact: Sendable, Equatable {
  package let id: String
  /// Nil for an orphan: chunks whose commit event is not stored.
  package var name: String?
  package var contentType: String?
  package var isCommitted = false
  /// Bytes that are stored.
  package var size: Int64 { cover.size }
  package var chunkCount: Int { cover.chunks.count }
  /// Its bytes are whole, and as many as the commit event says.
  package var isComplete: Bool { isCommitted && fault == nil }
  package var isOrphan: Bool { !isCommitted }
  /// What is wrong with its bytes; nil when nothing is.
  var fault: String? { cover.fault(stated: statedSize) }
  var cover = ChunkCover()
  /// 0 in old data says nothing.
  var statedSize: Int64 = 0

  init(id: String) { self.id = id }
}
