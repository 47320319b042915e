import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import Testing

/// A writer behind a way to the store that breaks at each of its requests in turn.
@Suite struct S3FaultTests {
  private func work(_ store: S3Store, id: String = "dying") throws -> Int {
    try commitTwice(LodeDataset(store, deadline: .seconds(5)), id: id)
  }

  private func prepare(_ store: S3Store) throws {
    let run = try Run(LodeDataset(store), id: "earlier")
    try run.sink.write(run.items(0..<2))
  }

  private func requests(of server: S3Server) throws -> Int {
    let upstream = try server.upstream()
    let proxy = try HTTPServer { _, _ in .relay(to: upstream) }
    let store = try server.store(through: proxy)
    try prepare(try server.store(prefix: store.prefix))
    #expect(try work(store) == 2)
    return proxy.requests.count
  }

  enum Death: String, CaseIterable { case before, after }

  /// The process is gone before a request, or when it was carried out and nobody heard of it.
  @Test(.timeLimit(.minutes(5)), arguments: Death.allCases)
  func aCrashAnywhereLeavesALinearDataset(_ death: Death) throws {
    let server = S3Server.moto
    let upstream = try server.upstream()
    for point in 1...(try requests(of: server)) {
      let proxy = try HTTPServer { _, number in
        if number < point { return .relay(to: upstream) }
        return number == point && death == .after ? .relay(to: upstream, .lost) : .hangUp
      }
      let direct = try server.store(lease: .zero)
      try prepare(direct)
      let acknowledged = try work(try server.store(through: proxy, prefix: direct.prefix) { $0.backoff.tries = 1 })
      let reader = direct.reader()
      #expect(try errors(reader) == [], "right after a crash at \(point)")
      try check(reader, acknowledged)

      let next = try Run(LodeDataset(direct), id: "next")
      try next.sink.write(next.items(0..<3))
      #expect(try errors(reader) == [], "after the writer that follows a crash at \(point)")
      try check(reader, acknowledged)
      #expect(try sequence(reader, "next") == [0, 1, 2])
      #expect(
        Set(try direct.snapshots(in: reader.layout.segments)) == Set(try reader.chain().rows.map(\.id)),
        "leftovers of a crash at \(point)")
    }
  }

  private func check(_ reader: LodeReader, _ acknowledged: Int) throws {
    #expect(try sequence(reader, "earlier") == [0, 1])
    let items = try sequence(reader, "dying")
    #expect(items == Array([0, 2].prefix(items.count)))
    #expect(items.count >= acknowledged && items.count <= acknowledged + 1)
  }

  /// Each request in turn is answered by a fault once: nothing fails, and nothing is there twice.
  @Test(.timeLimit(.minutes(5)), arguments: S3Server.allCases)
  func whatPassesIsNoFailure(_ server: S3Server) throws {
    let upstream = try server.upstream()
    let slow = HTTPServer.Answer.status(503, body: "<Error><Code>SlowDown</Code><Message>slow</Message></Error>")
    let faults: [HTTPServer.Answer] = [
      .relay(to: upstream, .lost), .hangUp, slow, .status(500, body: "<Error><Code>InternalError</Code></Error>"),
    ]
    for point in 1...(try requests(of: server)) {
      let proxy = try HTTPServer { _, number in
        number == point ? faults[point % faults.count] : .relay(to: upstream)
      }
      let direct = try server.store()
      try prepare(direct)
      #expect(try work(try server.store(through: proxy, prefix: direct.prefix)) == 2, "a fault at \(point)")
      #expect(try errors(direct.reader()) == [], "a fault at \(point)")
      #expect(try sequence(direct.reader(), "dying") == [0, 2])
      #expect(try direct.reader().chain().rows.count == 3)
    }
  }

  /// A writer that was taken for dead moves the pointer after all, or finds that it may not.
  @Test(arguments: S3Server.allCases) func whoeverIsTakenForDeadLosesNothing(_ server: S3Server) throws {
    let (upstream, direct) = (try server.upstream(), try server.store(lease: .zero))
    try prepare(direct)
    let late = Mutex(0)
    let proxy = try HTTPServer { request, _ in
      let isPointer = request.line.hasPrefix("PUT") && request.line.contains("/latest ")
      if isPointer,
        late.withLock({ count in
          count += 1; return count == 1
        })
      {
        #expect(throws: Never.self) {
          let other = try Run(LodeDataset(direct), id: "other")
          try other.sink.write(other.items(0..<1))
        }
      }
      return .relay(to: upstream)
    }
    let slow = try Run(LodeDataset(try server.store(through: proxy, prefix: direct.prefix)), id: "slow")
    try slow.sink.write(slow.items(0..<2))
    #expect(try errors(direct.reader()) == [])
    #expect(try sequence(direct.reader(), "slow") == [0, 1])
    #expect(try sequence(direct.reader(), "other") == [0])
    #expect(try direct.reader().chain().rows.count == 3)
  }

  /// The answer to an announcement is lost, and another writer had its turn before it is asked for again: then it was
  /// another's turn, and no failure. The id may be known to others, so it is not the one that is committed.
  @Test(arguments: S3Server.allCases, Death.allCases)
  func anAnnouncementThatIsLostIsMadeAgain(_ server: S3Server, _ death: Death) throws {
    let (upstream, direct, announcements) = (try server.upstream(), try server.store(lease: .zero), Mutex(0))
    try prepare(direct)
    let proxy = try HTTPServer { request, _ in
      guard request.isAnnouncement else { return .relay(to: upstream) }
      let number = announcements.withLock { count in
        count += 1
        return count
      }
      // What was carried out is seen by the other only afterwards.
      if number == (death == .before ? 1 : 2) {
        #expect(throws: Never.self) {
          let other = try Run(LodeDataset(direct), id: "other")
          try other.sink.write(other.items(0..<1))
        }
      }
      guard number == 1 else { return .relay(to: upstream) }
      return death == .before ? .hangUp : .relay(to: upstream, .lost)
    }
    let slow = try Run(LodeDataset(try server.store(through: proxy, prefix: direct.prefix)), id: "slow")
    try slow.sink.write(slow.items(0..<2))
    #expect(announcements.withLock { $0 } >= 3)
    #expect(try errors(direct.reader()) == [])
    #expect(try sequence(direct.reader(), "slow") == [0, 1] && sequence(direct.reader(), "other") == [0])
    let rows = try direct.reader().chain().rows
    let lost = try #require(proxy.requests.first { $0.isAnnouncement })
    #expect(rows.count == 3)
    #expect(rows.allSatisfy { !lost.body.contains("\n\($0.id) ") }, "an announced id is not announced again")
  }

  /// One announcement in three never comes, and one in three is carried out unheard, while others write.
  @Test(.timeLimit(.minutes(5)), arguments: S3Server.allCases)
  func writersWhoseAnnouncementsAreLostNeverFail(_ server: S3Server) throws {
    let (upstream, direct, announcements) = (try server.upstream(), try server.store(), Mutex(0))
    let proxy = try HTTPServer { request, _ in
      guard request.isAnnouncement else { return .relay(to: upstream) }
      let number = announcements.withLock { count in
        count += 1
        return count
      }
      return number % 3 == 0 ? .hangUp : .relay(to: upstream, number % 3 == 1 ? .lost : .whole)
    }
    let (prefix, errorsMet) = (direct.prefix, Mutex<[String]>([]))
    onThreads(3) { index in
      do {
        let run = try Run(LodeDataset(try server.store(through: proxy, prefix: prefix)), id: "r\(index)")
        for round in 0..<5 { try run.sink.write(run.items(round..<round + 1)) }
      } catch { errorsMet.withLock { $0.append("\(error)") } }
    }
    #expect(errorsMet.withLock { $0 } == [])
    #expect(try errors(direct.reader()) == [])
    for index in 0..<3 { #expect(try sequence(direct.reader(), "r\(index)") == Array(0..<5)) }
  }

  /// The random key of the probe is nobody else's, so what is refused after a lost answer is refused.
  @Test(arguments: S3Server.allCases, Death.allCases)
  func aFaultWhileTheStoreIsTriedIsNoRefusal(_ server: S3Server, _ death: Death) throws {
    let upstream = try server.upstream()
    let whole = try HTTPServer { _, _ in .relay(to: upstream) }
    try server.store(through: whole).prepareForWriting()
    for point in 1...whole.requests.count {
      let proxy = try HTTPServer { _, number in
        if number != point { return .relay(to: upstream) }
        return death == .before ? .hangUp : .relay(to: upstream, .lost)
      }
      #expect(throws: Never.self, "a fault at \(point)") { try server.store(through: proxy).prepareForWriting() }
      #expect(proxy.requests.count > whole.requests.count)
    }
  }

  @Test func aStoreThatIgnoresConditionsIsRefused() throws {
    let upstream = try S3Server.moto.upstream()
    let proxy = try HTTPServer { _, _ in .relay(to: upstream, without: ["if-none-match", "if-match"]) }
    let store = try S3Server.moto.store(through: proxy)
    let error = #expect(throws: QuarryError.self) { try store.prepareForWriting() }
    #expect(error?.message.contains("does not hold writes to their conditions") == true)
    #expect(error?.remedy?.contains("--storage-s3-single-writer") == true)
    let single = try S3Server.moto.store(through: proxy, honoursConditions: false)
    try single.prepareForWriting()
    try prepare(single)
    #expect(try work(single) == 2)
    #expect(try errors(single.reader()) == [])
    try S3Server.moto.store().prepareForWriting()
    try S3Server.seaweedFS.store().prepareForWriting()
  }

  @Test func refusalsSayWhatToDo() throws {
    let denied = try HTTPServer { _, _ in .status(403, body: "<Error><Code>AccessDenied</Code></Error>") }
    let store = try S3Server.moto.store(through: denied)
    let run = try Run(LodeDataset(store), id: "r")
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<1)) }
    #expect(error?.kind == .storage && error?.message.contains("s3://quarry-tests/\(store.prefix)/datasets/") == true)
    #expect(error?.remedy?.contains("allow these credentials") == true)
    let away = try S3Server.moto.store(through: denied) { $0.bucket = "no-such-bucket" }
    denied.close()
    let second = #expect(throws: QuarryError.self) { try away.prepareForWriting() }
    #expect(second?.remedy?.contains("can it be reached") == true)
    let missing = try S3Server.seaweedFS.store { $0.bucket = "no-such-bucket" }
    let third = #expect(throws: QuarryError.self) { try missing.prepareForWriting() }
    #expect(third?.remedy?.contains("make the bucket") == true)
  }
}

extension HTTPServer.Request {
  /// A write of `latest.lock`.
  fileprivate var isAnnouncement: Bool { line.hasPrefix("PUT") && line.contains("/latest.lock ") }
}
