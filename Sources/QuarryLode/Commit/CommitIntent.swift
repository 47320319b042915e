import QuarryCore

/// What a writer is about to publish, kept in `latest.lock` while it holds the lock, so that the next one can tell
/// what a crashed one left behind without looking through the dataset.
///
/// Text: `quarry-commit <bytes of the rest>`, then a line `<id> <partition>` for each manifest to be; an empty partition
/// is the canonical manifest; no line when the last commit was carried out. Behind them `latest <id>`: the newest snapshot
/// that was committed for sure, so that an old `latest` is told from the newest; in a bucket `latest <id> <bytes>`, `0` where
/// none was, and how long `latest` is that the commit replaces. Anything else there (another writer's, an older and longer
/// one's tail) is ignored.
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

  /// What a commit follows.
  struct Base: Sendable, Equatable {
    /// The newest snapshot that is known to have been committed.
    let id: SnapshotID
    /// Bytes of `latest`, with every fence that was put there before the commit. In a bucket.
    let length: Int?
  }

  /// - Parameters: see `Base`; no id where nobody knows, or, on a disk, there is none.
  func encoded(after id: SnapshotID?, length: Int? = nil) -> [UInt8] {
    guard let id else { return encoded }
    return encoded + Array("\(Self.last)\(id)\(length.map { " \($0)" } ?? "")\n".utf8)
  }

  /// Nil where nothing of it stands there.
  static func base(_ bytes: [UInt8]) -> Base? {
    guard let rest = parts(of: bytes)?.rest, rest.starts(with: last.utf8) else { return nil }
    let line = String(decoding: rest.dropFirst(last.utf8.count).prefix { $0 != newline }, as: UTF8.self)
    let words = line.split(separator: " ", maxSplits: 1)
    guard let id = words.first.flatMap({ SnapshotID($0) }) else { return nil }
    return Base(id: id, length: words.count > 1 ? Int(words[1]) : nil)
  }

  private static let last = "latest "
  private static let newline = UInt8(ascii: "\n")

  init() {}

  package init(_ plans: [(id: SnapshotID, partitions: [String])]) {
    for plan in plans {
      entries += plan.partitions.map { Entry(id: plan.id, partition: $0) } + [Entry(id: plan.id, partition: "")]
    }
  }

  package init?(_ bytes: [UInt8]) {
    guard let body = Self.parts(of: bytes)?.body else { return nil }
    for line in body.split(separator: Self.newline) {
      let parts = String(decoding: line, as: UTF8.self).split(
        separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let id = SnapshotID(parts[0]), !parts[1].split(separator: "/").contains("..") else {
        return nil
      }
      entries.append(Entry(id: id, partition: String(parts[1])))
    }
  }

  /// Its lines, and what stands behind them.
  private static func parts(of bytes: [UInt8]) -> (body: ArraySlice<UInt8>, rest: ArraySlice<UInt8>)? {
    guard let lineEnd = bytes.firstIndex(of: newline) else { return nil }
    let head = String(decoding: bytes[..<lineEnd], as: UTF8.self).split(separator: " ")
    let body = bytes[(lineEnd + 1)...]
    guard head.count == 2, head[0] == "quarry-commit", let count = Int(head[1]), count >= 0, count <= body.count else {
      return nil
    }
    return (body.prefix(count), body.dropFirst(count))
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
      guard let manifest = current, chain.damage == nil, chain.passedOver.isEmpty else { return true }
      if manifest.id <= id { return manifest.id == id }
      current = try chain.parent(of: manifest)
      if current == nil { return false }
    }
    return true
  }
}
