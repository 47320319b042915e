import QuarryCore
import S3Client

/// A bucket of S3, or of a store that speaks its language, or a part of one below a prefix.
///
/// A folder is what keys have in common up to a slash. No order of a listing is relied upon.
package struct S3Store: DatasetStore {
  /// `s3://bucket[/prefix]`.
  package let root: String
  package let client: S3Client
  /// Whether the store refuses a write whose condition does not hold. False is for a single writer, who asks for none.
  let honoursConditions: Bool
  /// How long a writer's announced commit may stay as it is before others take it for dead.
  let lease: Duration
  /// How long after its process' last word a claimed name is free.
  let claimLease: Duration

  /// - Parameter prefix: of all keys, without slashes at its ends; may be empty.
  package init(
    _ client: S3Client, prefix: String, honoursConditions: Bool = true, lease: Duration = .seconds(15),
    claimLease: Duration = .seconds(300)
  ) {
    root = "s3://\(client.configuration.bucket)" + (prefix.isEmpty ? "" : "/\(prefix)")
    self.client = client
    self.honoursConditions = honoursConditions
    self.lease = lease
    self.claimLease = claimLease
  }

  package var origin: String? { client.address }

  /// The key of a place, from the bucket's beginning. Cut by bytes: a prefix may hold any character.
  func key(_ place: String) -> String {
    String(Substring(place.utf8.dropFirst("s3://\(client.configuration.bucket)/".utf8.count)))
  }

  /// The place of a key.
  func place(of key: String) -> String { "s3://\(client.configuration.bucket)/\(key)" }

  /// - Returns: nil when there is no such object.
  func found<Value>(_ work: () throws(S3Error) -> Value, at place: String) throws(FileFailure) -> Value? {
    do throws(S3Error) { return try work() } catch {
      if error.kind == .noSuchKey { return nil }
      throw FileFailure(error, place)
    }
  }

  package func bytes(_ file: String) throws(FileFailure) -> [UInt8]? {
    try found({ () throws(S3Error) in try client.get(key(file)).bytes }, at: file)
  }

  package func glance(_ file: String, limit: Int) throws(FileFailure) -> [UInt8]? {
    try found({ () throws(S3Error) in try client.get(key(file), within: .seconds(5)).bytes }, at: file)
  }

  package func names(in folder: String) throws(FileFailure) -> [String] {
    let prefix = key("\(folder)/")
    var names: Set<String> = []
    try list(prefix, delimiter: "/", at: folder) { page in
      for entry in page.entries where entry.key != prefix { names.insert(Self.rest(of: entry.key, prefix)) }
      for folder in page.folders { names.insert(String(Self.rest(of: folder, prefix).dropLast())) }
    }
    return Array(names)
  }

  package func snapshots(in segments: String) throws(FileFailure) -> [SnapshotID] {
    let prefix = key(segments) + "/"
    var ids: [SnapshotID] = []
    try list(prefix, at: segments) { ids += Self.snapshots($0, prefix) }
    return ids
  }

  /// One request as a rule: ids of one length are in the order of their keys. A store that does not begin behind the id is not
  /// gone through.
  package func snapshots(in segments: String, above id: SnapshotID) throws(FileFailure) -> [SnapshotID] {
    guard id > .beforeAll else { return try snapshots(in: segments) }
    let prefix = key(segments) + "/"
    var ids: [SnapshotID] = []
    do throws(S3Error) {
      try client.list(prefix: prefix, after: "\(prefix)\(id)/manifest.json") { page throws(S3Error) in
        let found = Self.snapshots(page, prefix)
        ids += found.filter { $0 > id }
        return found.allSatisfy { $0 > id }
      }
    } catch { throw FileFailure(error, segments) }
    return ids
  }

  private static func snapshots(_ page: S3Page, _ prefix: String) -> [SnapshotID] {
    page.entries.compactMap { entry in
      let parts = rest(of: entry.key, prefix).split(separator: "/", omittingEmptySubsequences: false)
      return parts.count == 2 && parts[1] == "manifest.json" ? SnapshotID(parts[0]) : nil
    }
  }

  /// A page of the listing tells of a thousand keys, and most folders hold but a few.
  package func partitionManifests(below partitions: String) throws(FileFailure) -> [String]? {
    let prefix = key(partitions) + "/"
    var paths: [String] = []
    try list(prefix, at: partitions) { page in
      for entry in page.entries where entry.key.hasSuffix("/manifest.json") {
        let parts = Self.rest(of: entry.key, prefix).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 3, parts[parts.count - 3] == "segments", parts.dropLast(3).allSatisfy({ $0.contains("=") })
        else { continue }
        paths.append(place(of: entry.key))
      }
    }
    return paths
  }

  package func exists(_ file: String) throws(FileFailure) -> Bool { try size(of: file) != nil }

  package func hasFolder(_ folder: String) throws(FileFailure) -> Bool {
    let page = try found({ () throws(S3Error) in try client.page(prefix: key("\(folder)/"), count: 1) }, at: folder)
    return page.map { !$0.entries.isEmpty } ?? false
  }

  package func holdsAnything(_ folder: String) throws(FileFailure) -> Bool {
    let prefix = key("\(folder)/")
    let page = try found({ () throws(S3Error) in try client.page(prefix: prefix, delimiter: "/") }, at: folder)
    let keys = page.map { $0.entries.map(\.key) + $0.folders } ?? []
    return keys.contains { $0 != prefix && !Self.rest(of: $0, prefix).hasPrefix(".") }
  }

  package func size(of file: String) throws(FileFailure) -> Int64? {
    try found({ () throws(S3Error) in Int64(try client.size(key(file))) }, at: file)
  }

  package func open(_ file: String, first: Range<Int64>) throws(FileFailure) -> (any StoredFile)? {
    try S3File.open(self, file, first: first)
  }

  package func leftovers(
    of layout: DatasetLayout, besides reachable: Reachable, _ body: (Leftover) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    try S3LeftoverScan(layout: layout, store: self, reachable: reachable).forEach(body)
  }

  package func modified(_ file: String) throws(FileFailure) -> Timestamp? {
    let key = key(file)
    var seconds: Int?
    try list(key, at: file) { page in
      seconds = seconds ?? page.entries.first { $0.key == key }?.modified
    }
    return seconds.map { Timestamp(seconds: Int64($0)) }
  }

  package func now(in folder: String) throws(FileFailure) -> Timestamp {
    do throws(S3Error) { return Timestamp(seconds: Int64(try client.time(prefix: key(folder) + "/"))) } catch {
      throw FileFailure(error, folder)
    }
  }

  /// That the store has no good answer for one object, and has one for another right after; and, where that may have been an
  /// outage which is over, none for the one once more.
  package func isOfOneFile(_ failure: FileFailure, asking other: String) -> Bool {
    guard case .store(let error) = failure.cause else { return failure.isLocal }
    guard error.mayBeOfOneObject, let key = error.key, key != self.key(other) else { return false }
    do throws(S3Error) { _ = try client.get(self.key(other), within: Self.patience) } catch {
      guard error.kind == .noSuchKey else { return false }
    }
    guard error.kind == .unavailable, client.giveUp(on: key, error) else { return true }
    do throws(S3Error) { try client.read(key, within: Self.patience) { _ in true } } catch { return true }
    return false
  }

  /// The object itself was asked for as long as any is.
  private static let patience = Duration.seconds(10)

  /// Two objects are never one.
  package func isOne(_ file: String, _ other: String) -> Bool { file == other }

  func list(
    _ prefix: String, delimiter: String? = nil, at place: String, visit: (S3Page) -> Void
  ) throws(FileFailure) {
    do throws(S3Error) {
      try client.list(prefix: prefix, delimiter: delimiter) { page throws(S3Error) in
        visit(page)
        return true
      }
    } catch { throw FileFailure(error, place) }
  }

  private static func rest(of key: String, _ prefix: String) -> String {
    String(Substring(key.utf8.dropFirst(prefix.utf8.count)))
  }
}
