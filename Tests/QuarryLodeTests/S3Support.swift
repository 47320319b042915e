import Foundation
import QuarryCore
import QuarryLode
import S3Client
import Synchronization
import TestSupport
import Testing

extension S3Server {
  /// A part of the server's bucket that no other test uses, or another way to it.
  func store(
    through proxy: HTTPServer? = nil, prefix: String = UUID().uuidString, lease: Duration = .seconds(15),
    claimLease: Duration = .seconds(300), honoursConditions: Bool = true,
    _ change: (inout S3Configuration) -> Void = { _ in }
  ) throws -> S3Store {
    let upstream = try upstream()
    var configuration = S3Configuration(bucket: Self.bucket)
    configuration.endpoint = proxy?.url ?? "http://\(upstream.address):\(upstream.port)"
    configuration.region = "us-east-1"
    change(&configuration)
    let client = try S3Client(
      configuration, environment: S3Environment([:]),
      credentials: .fixed(S3Credentials(accessKey: Self.accessKey, secretKey: Self.secretKey, source: "the tests")),
      clock: S3Clock(
        now: S3Clock.system.now, uptime: S3Clock.system.uptime, sleep: { _ in }, random: { 1 }))
    return S3Store(client, prefix: prefix, honoursConditions: honoursConditions, lease: lease, claimLease: claimLease)
  }
}

extension S3Server {
  /// A writer that is killed in the middle of its commit: the first such request is never heard of, nor any after it.
  func die(
    before isLast: @escaping @Sendable (HTTPServer.Request) -> Bool, committing batch: (Run) -> RecordBatch,
    of id: String,
    to store: S3Store
  ) throws {
    let upstream = try upstream()
    let isDead = Mutex(false)
    let proxy = try HTTPServer { request, _ in
      isDead.withLock { dead in
        dead = dead || isLast(request)
        return dead ? .hangUp : .relay(to: upstream)
      }
    }
    let dying = try self.store(through: proxy, prefix: store.prefix) { $0.backoff.tries = 1 }
    let run = try Run(LodeDataset(dying, deadline: .seconds(30)), id: id)
    #expect(throws: QuarryError.self) { try run.sink.write(batch(run)) }
    #expect(isDead.withLock { $0 })
  }
}

extension HTTPServer.Request {
  /// A commit says in `latest.lock` what it is about to do.
  var isAnnouncement: Bool { line.hasPrefix("PUT") && line.contains("/latest.lock ") }
  /// `latest` moves to a snapshot.
  var movesPointer: Bool { line.hasPrefix("PUT") && line.contains("/latest ") && bytes.first != UInt8(ascii: "0") }
}

extension HTTPServer.Relay {
  /// As by a clock that is ahead by so many seconds.
  static func date(later: TimeInterval) -> HTTPServer.Relay {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "UTC")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    let text = format.string(from: Date.now + later)
    return .header("date") { _ in "Date: \(text)" }
  }
}

extension S3Store {
  /// Without what the test's server is called.
  var prefix: String { String(root.dropFirst("s3://\(S3Server.bucket)/".count)) }

  /// Ids of all manifests, canonical and in partitions.
  func manifests(below folder: String) throws -> [SnapshotID] {
    var ids: [SnapshotID] = []
    try client.list(prefix: "\(folder.dropFirst("s3://\(S3Server.bucket)/".count))/") { page in
      for parts in page.entries.map({ $0.key.split(separator: "/") }) where parts.last == "manifest.json" {
        if let id = parts.dropLast().last.flatMap({ SnapshotID($0) }) { ids.append(id) }
      }
      return true
    }
    return ids
  }

  func reader() -> LodeReader { LodeReader(DatasetLayout(self, dataset: "quarry")) }
}

/// What is wrong with the chain and, but for runs that began at 0, with the whole dataset; empty when nothing is.
func errors(_ reader: LodeReader) throws -> [String] {
  var errors = faults(try reader.chain())
  _ = try reader.verify {
    if $0.severity == .error, $0.kind != .sequence { errors.append("\($0.place): \($0.message)") }
  }
  return errors
}

extension S3Store {
  /// As a program does that asks for no conditions.
  func replace(_ place: String, with text: String) throws {
    discard(place)
    _ = try create(place, Array(text.utf8))
  }
}
