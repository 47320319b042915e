import QuarryCore

/// What a writer is about to publish, kept in `latest.lock` while it holds the lock, so that the next one can tell
/// what a crashed one left behind without looking through the dataset.
///
/// Text: `quarry-commit <bytes of the rest>`, then a line `<id> <partition>` for each manifest to be; an empty partition
/// is the canonical manifest; no line when the last commit was carried out, and then on a disk `latest <id>`, so that an
/// old `latest` is told from the newest. Anything else there (another writer's, an older and longer one's tail) is ignored.
package struct CommitIntent: Sendable, Equatable {
  package struct Entry: Sendable, Equatable {
    package let id: SnapshotID
    package let partition: String
  }

  package var entries: [Entry] = []

  var newest: SnapshotID? { entries.map(\.id).max() }
  var ids: [SnapshotID] { Array(Set(entries.map(\.id))).sorted() }

  package var encoded: [UInt8] {
    let body = entries.map { "\($0.id) \($0.partition)\n" }.joined()
    return Array("quarry-commit \(body.utf8.count)\n\(body)".utf8)
  }

  /// What stands there when a commit was carried out.
  static func carriedOut(_ newest: SnapshotID) -> [UInt8] { CommitIntent().encoded + Array("latest \(newest)\n".utf8) }

  /// - Returns: nil where a commit is under way, or nothing of it stands there.
  static func lastCommitted(_ bytes: [UInt8]) -> SnapshotID? {
    let start = CommitIntent().encoded + Array("latest ".utf8)
    guard bytes.starts(with: start) else { return nil }
    return SnapshotID(String(decoding: bytes.dropFirst(start.count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }

  init() {}

  package init(_ plans: [(id: SnapshotID, partitions: [String])]) {
    for plan in plans {
      entries += plan.partitions.map { Entry(id: plan.id, partition: $0) } + [Entry(id: plan.id, partition: "")]
    }
  }

  package init?(_ bytes: [UInt8]) {
    guard let lineEnd = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let head = String(decoding: bytes[..<lineEnd], as: UTF8.self).split(separator: " ")
    let body = bytes[(lineEnd + 1)...]
    guard head.count == 2, head[0] == "quarry-commit", let count = Int(head[1]), count >= 0, count <= body.count else {
      return nil
    }
    for line in body.prefix(count).split(separator: UInt8(ascii: "\n")) {
      let parts = String(decoding: line, as: UTF8.self).split(
        separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let id = SnapshotID(parts[0]), !parts[1].split(separator: "/").contains("..") else {
        return nil
      }
      entries.append(Entry(id: id, partition: String(parts[1])))
    }
  }
}

extension CommitIntent {
  /// How far back the chain is followed to see whether an old intent was fulfilled; beyond it nothing counts as abandoned.
  private static let longestWalk = 10_000

  /// The manifests that are not on the chain, though their writer has ended.
  /// - Parameter head: the newest snapshot; another than the pointer's where `latest` is missing or dangling. A commit that
  ///   became the head so, without a pointer, stays.
  func abandoned(head: SnapshotID?, in layout: DatasetLayout) throws(FileFailure) -> [Entry] {
    guard let newest, let head else { return entries }
    if newest > head { return entries.filter { $0.id > head } }
    return try Self.isOnChain(newest, in: layout) ? [] : entries
  }

  /// Both commits.
  func with(_ more: [Entry]) -> CommitIntent {
    var both = self
    both.entries += more
    return both
  }

  /// True also when it cannot be told.
  private static func isOnChain(_ id: SnapshotID, in layout: DatasetLayout) throws(FileFailure) -> Bool {
    var chain = ChainReader(layout: layout)
    var current = try chain.head()
    for _ in 0..<longestWalk {
      guard let manifest = current, chain.warnings.isEmpty else { return true }
      if manifest.id <= id { return manifest.id == id }
      current = try chain.parent(of: manifest)
      if current == nil { return false }
    }
    return true
  }
}
