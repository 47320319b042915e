import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

/// A writer behind a way to the store that breaks at each of its requests in turn.
@Suite(.ownThread) struct S3FaultTests {
  private func work(_ store: S3Store, id: String = "dying") throws -> Int {
    try commitTwice(LodeDataset(store, deadline: .seconds(5)), id: id)
  }

  private func prepare(_ store: S3Store) throws {
    let run = try Run(LodeDataset(store), id: "earlier")
    try run.sink.write(run.items(0..<2))
  }

  /// - Parameter prepares: else its first commit is the dataset's.
  private func requests(of server: S3Server, prepares: Bool = true) throws -> Int {
    let upstream = try server.upstream()
    let proxy = try HTTPServer { _, _ in .relay(to: upstream) }
    let store = try server.store(through: proxy)
    if prepares { try prepare(try server.store(prefix: store.prefix)) }
    #expect(try work(store) == 2)
    return proxy.requests.count
  }

  enum Death: String, CaseIterable { case before, after }

  /// A way to a server that is cut before its request of this number, or before its answer.
  private func cut(_ server: S3Server, at point: Int, _ death: Death) throws -> HTTPServer {
    let upstream = try server.upstream()
    return try HTTPServer { _, number in
      if number < point { return .relay(to: upstream) }
      return number == point && death == .after ? .relay(to: upstream, .lost) : .hangUp
    }
  }

  /// The process is gone before a request, or when it was carried out and nobody heard of it.
  @Test(.timeLimit(.minutes(5)), arguments: Death.allCases, [true, false])
  func aCrashAnywhereLeavesALinearDataset(_ death: Death, hasEarlier: Bool) throws {
    let server = S3Server.moto
    for point in 1...(try requests(of: server, prepares: hasEarlier)) {
      let proxy = try cut(server, at: point, death)
      let direct = try server.store(lease: .zero)
      if hasEarlier { try prepare(direct) }
      let earlier = hasEarlier ? [0, 1] : []
      let acknowledged = try work(try server.store(through: proxy, prefix: direct.prefix) { $0.backoff.tries = 1 })
      let reader = direct.reader()
      #expect(try errors(reader) == [], "right after a crash at \(point)")
      try check(reader, acknowledged, earlier)

      let next = try Run(LodeDataset(direct), id: "next")
      try next.sink.write(next.items(0..<3))
      #expect(try errors(reader) == [], "after the writer that follows a crash at \(point)")
      try check(reader, acknowledged, earlier)
      #expect(try sequence(reader, "next") == [0, 1, 2])
      try expectNoStrays(direct, "leftovers of a crash at \(point)")
    }
  }

  private func check(_ reader: LodeReader, _ acknowledged: Int, _ earlier: [Int]) throws {
    #expect(try sequence(reader, "earlier") == earlier)
    let items = try sequence(reader, "dying")
    #expect(items == Array([0, 2].prefix(items.count)))
    #expect(items.count >= acknowledged && items.count <= acknowledged + 1)
  }

  private func expectNoStrays(_ store: S3Store, _ comment: Comment) throws {
    let reader = store.reader()
    let found = try store.manifests(below: reader.layout.folder)
    #expect(Set(found) == Set(try reader.chain().rows.map(\.id)), comment)
  }

  /// A writer dies with manifests and no pointer, and so does the next one, at each of its requests: the third takes out
  /// what both left.
  @Test(.timeLimit(.minutes(5)), arguments: Death.allCases, [true, false])
  func whoeverDiesWhileItTidiesUpHidesNothing(_ death: Death, hasEarlier: Bool) throws {
    let server = S3Server.moto
    for point in 1... {
      let direct = try server.store(lease: .zero)
      if hasEarlier { try prepare(direct) }
      try server.die(before: \.movesPointer, committing: { $0.items(0..<1) }, of: "first", to: direct)
      let proxy = try cut(server, at: point, death)
      let store = try server.store(through: proxy, prefix: direct.prefix, lease: .zero) { $0.backoff.tries = 1 }
      let acknowledged = try commitOnce(store, id: "dying")
      #expect(try errors(direct.reader()) == [], "a second crash at \(point)")
      let third = try Run(LodeDataset(direct), id: "third")
      try third.sink.write(third.items(0..<3))
      #expect(try errors(direct.reader()) == [], "after a second crash at \(point)")
      try expectNoStrays(direct, "leftovers of two crashes, the second at \(point)")
      #expect(try sequence(direct.reader(), "dying").count >= acknowledged)
      #expect(try sequence(direct.reader(), "third") == [0, 1, 2])
      if proxy.requests.count < point { break }
    }
  }

  /// - Returns: how many commits were acknowledged.
  private func commitOnce(_ store: S3Store, id: String) throws -> Int {
    let run = try Run(LodeDataset(store, deadline: .seconds(5)), id: id)
    do { try run.sink.write(run.items(0..<1)) } catch { return 0 }
    return 1
  }

  /// Nobody listens for a while, or the store says that it cannot: what is committed afterwards comes all the same.
  @Test(arguments: [true, false]) func whoFollowsOutlastsAnOutage(listens: Bool) throws {
    let server = S3Server.moto
    let (direct, upstream) = (try server.store(), try server.upstream())
    let isDown = Mutex(false)
    let proxy = try HTTPServer { _, _ in isDown.withLock { $0 } ? .status(503, body: "starting") : .relay(to: upstream)
    }
    let run = try Run(LodeDataset(direct), id: "r")
    try run.sink.write(run.items(0..<2))
    let reader = try server.store(through: proxy, prefix: direct.prefix).reader()
    var (pauses, seen) = (0, 0)
    _ = try reader.follow(
      RecordQuery(types: ["item"]),
      pause: {
        pauses += 1
        switch pauses {
        case 1: if listens { isDown.withLock { $0 = true } } else { proxy.close() }
        case 3:
          isDown.withLock { $0 = false }
          #expect(throws: Never.self) {
            if !listens { try proxy.open() }
            try run.sink.write(run.items(2..<5))
          }
        default: break
        }
        return pauses < 5
      }, outage: { false }
    ) { _ in
      seen += 1
      return true
    }
    #expect(pauses == 5 && seen == 5)
  }

  /// A store that goes away with some request and comes back when it was missed three times.
  private final class Outage: Sendable {
    private struct State {
      var left = Int.max
      var looks = 0
    }

    private let state = Mutex(State())
    private let begins: @Sendable () -> Void
    private let ends: @Sendable () -> Void

    init(begins: @escaping @Sendable () -> Void = {}, ends: @escaping @Sendable () -> Void = {}) {
      (self.begins, self.ends) = (begins, ends)
    }

    /// With the request after so many more.
    func begin(after count: Int) { state.withLock { $0.left = count } }

    var isThere: Bool { state.withLock { $0.left < 0 } }

    func takesNext() -> Bool {
      let (isThere, isNew) = state.withLock { state in
        guard state.left != .max else { return (false, false) }
        state.left -= 1
        return (state.left < 0, state.left == -1)
      }
      if isNew { begins() }
      return isThere
    }

    func look() {
      let isOver = state.withLock { state in
        guard state.left < 0 else { return false }
        state.looks += 1
        guard state.looks == 3 else { return false }
        state.left = .max
        return true
      }
      if isOver { ends() }
    }
  }

  /// With whichever request the store goes away (each third is tried), once it had answered: each line comes once, in its order, and nothing is
  /// said to be damaged.
  @Test(.timeLimit(.minutes(5)), arguments: zip([true, false], [Compression.none, .gzip]))
  func whoFollowsGoesOnAtTheLineWhereAnOutageBegan(listens: Bool, _ compression: Compression) throws {
    let server = S3Server.moto
    let upstream = try server.upstream()
    for point in stride(from: listens ? 1 : 2, to: .max, by: 3) {
      let direct = try server.store()
      let dataset = LodeDataset(direct, form: StoredForm(compression: compression))
      let run = try Run(dataset, id: "r")
      try run.sink.write(run.items(0..<1_500))
      let known = Mutex<HTTPServer?>(nil)
      let outage = Outage(
        begins: { if !listens { known.withLock { $0?.close() } } },
        ends: {
          guard !listens else { return }
          let proxy = known.withLock { $0 }
          #expect(throws: Never.self) { try proxy?.open() }
        })
      let proxy = try HTTPServer { _, _ in
        outage.takesNext() ? listens ? .status(503, body: "away") : .hangUp : .relay(to: upstream)
      }
      known.withLock { $0 = proxy }
      defer { known.withLock { $0 = nil } }
      let reader = try server.store(through: proxy, prefix: direct.prefix) { $0.backoff.tries = 3 }.reader()
      outage.begin(after: point)
      var (isWritten, seqs) = (false, [Int64]())
      let figures = try reader.follow(
        RecordQuery(types: ["item"]), note: { Issue.record("at \(point): \($0)") },
        pause: {
          outage.look()
          guard !outage.isThere else { return true }
          if isWritten { return seqs.count < 1_600 }
          isWritten = true
          #expect(throws: Never.self) { try run.sink.write(run.items(1_500..<1_600)) }
          return true
        },
        outage: {
          outage.look()
          return true
        }
      ) { line in
        seqs.append(RecordMembers.read(["seq"], from: line)["seq"]?.integer ?? -1)
        return true
      }
      #expect(seqs == Array(0..<1_600) && figures.damages == 0, "an outage with request \(point)")
      if proxy.requests.count < point { break }
    }
  }

  /// Told to stop while the store is away, it ends as it does at any other time.
  @Test func whoFollowsMayEndInAnOutage() throws {
    let server = S3Server.moto
    let (direct, upstream) = (try server.store(), try server.upstream())
    let run = try Run(LodeDataset(direct), id: "r")
    try run.sink.write(run.items(0..<1_500))
    let isDown = Mutex(false)
    let proxy = try HTTPServer { request, _ in
      let isDown = isDown.withLock { isDown in
        // The second piece of the data.
        isDown =
          isDown || request.line.contains("/data/data") && request.headers["range"]?.hasPrefix("bytes=0-") == false
        return isDown
      }
      return isDown ? .status(503, body: "away") : .relay(to: upstream)
    }
    let reader = try server.store(through: proxy, prefix: direct.prefix) { $0.backoff.tries = 3 }.reader()
    let looks = Mutex(0)
    var seqs: [Int64] = []
    let figures = try reader.follow(
      RecordQuery(), note: { Issue.record("\($0)") }, pause: { false },
      outage: {
        looks.withLock { looks in
          looks += 1
          return looks < 3
        }
      }
    ) { line in
      seqs.append(RecordMembers.read(["seq"], from: line)["seq"]?.integer ?? -1)
      return true
    }
    #expect(isDown.withLock { $0 } && looks.withLock { $0 } == 3 && figures.damages == 0)
    #expect(!seqs.isEmpty && seqs.count < 1_500 && seqs == Array(0..<Int64(seqs.count)))
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

  enum Moment: String, CaseIterable { case announcing, partitions, canonical, pointer }

  /// A writer that was taken for dead goes on, wherever it was, also in the dataset's first commit: it moves the pointer
  /// after all, or finds that it may not, and takes back nothing that the other built upon.
  @Test(arguments: S3Server.allCases, Moment.allCases)
  func whoeverIsTakenForDeadLosesNothing(_ server: S3Server, _ moment: Moment) throws {
    for hasEarlier in [true, false] {
      let (upstream, direct) = (try server.upstream(), try server.store(lease: .zero))
      if hasEarlier { try prepare(direct) }
      let isLate = Mutex(false)
      let proxy = try HTTPServer { request, _ in
        if Self.is(request, moment),
          isLate.withLock({ was in
            defer { was = true }; return !was
          })
        {
          #expect(throws: Never.self) {
            let other = try Run(LodeDataset(direct), id: "other")
            try other.sink.write(other.items(0..<1))
          }
        }
        return .relay(to: upstream)
      }
      let slow = try Run(LodeDataset(try server.store(through: proxy, prefix: direct.prefix, lease: .zero)), id: "slow")
      try slow.sink.write(slow.items(0..<2))
      #expect(isLate.withLock { $0 })
      #expect(try errors(direct.reader()) == [])
      #expect(try sequence(direct.reader(), "slow") == [0, 1])
      #expect(try sequence(direct.reader(), "other") == [0])
      #expect(try direct.reader().chain().rows.count == (hasEarlier ? 3 : 2))
      try expectNoStrays(direct, "\(moment)")
    }
  }

  private static func `is`(_ request: HTTPServer.Request, _ moment: Moment) -> Bool {
    guard request.line.hasPrefix("PUT") else { return false }
    let isManifest = request.line.contains("/manifest.json ")
    return switch moment {
    case .announcing: request.line.contains("/latest.lock ")
    case .partitions: isManifest && request.line.contains("/partitions/")
    case .canonical: isManifest && !request.line.contains("/partitions/")
    case .pointer: request.line.contains("/latest ") && !request.bytes.starts(with: [0x30])
    }
  }

  /// A dataset whose pointer somebody removed: what it named stays the newest, whoever comes.
  @Test(arguments: S3Server.allCases) func aPointerThatIsGoneIsMadeAgain(_ server: S3Server) throws {
    let store = try server.store(lease: .zero)
    try prepare(store)
    store.discard(store.reader().layout.pointer)
    #expect(try sequence(store.reader(), "earlier") == [0, 1])
    let next = try Run(LodeDataset(try server.store(prefix: store.prefix, lease: .zero)), id: "next")
    try next.sink.write(next.items(0..<1))
    #expect(try errors(store.reader()) == [])
    #expect(try sequence(store.reader(), "earlier") == [0, 1])
    #expect(try store.reader().chain().rows.count == 2)
  }

  /// The answer to an announcement is lost, and another writer had its turn before it is asked for again: then it was
  /// another's turn, and no failure. The id may be known to others, so it is not the one that is committed.
  @Test(arguments: S3Server.allCases, Death.allCases)
  func anAnnouncementThatIsLostIsMadeAgain(_ server: S3Server, _ death: Death) throws {
    let (upstream, direct) = (try server.upstream(), try server.store(lease: .zero))
    let announcements = Mutex(0)
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

  /// Of each writer's announcements one in three never comes, and one in three is carried out unheard.
  @Test(arguments: S3Server.allCases) func writersWhoseAnnouncementsAreLostNeverFail(_ server: S3Server) throws {
    let (upstream, direct) = (try server.upstream(), try server.store())
    let prefix = direct.prefix
    let errorsMet = Mutex<[String]>([])
    onThreads(3) { index in
      do {
        let announcements = Mutex(0)
        let proxy = try HTTPServer { request, _ in
          guard request.isAnnouncement else { return .relay(to: upstream) }
          let number = announcements.withLock { count in
            count += 1
            return count
          }
          return number % 3 == 0 ? .hangUp : .relay(to: upstream, number % 3 == 1 ? .lost : .whole)
        }
        let store = try server.store(through: proxy, prefix: prefix, lease: .seconds(5))
        let run = try Run(LodeDataset(store, deadline: .seconds(600)), id: "r\(index)")
        for round in 0..<3 { try run.sink.write(run.items(round..<round + 1)) }
      } catch { errorsMet.withLock { $0.append("\(error)") } }
    }
    #expect(errorsMet.withLock { $0 } == [])
    #expect(try errors(direct.reader()) == [])
    for index in 0..<3 { #expect(try sequence(direct.reader(), "r\(index)") == Array(0..<3)) }
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

  /// Where nothing says that a name is taken, batches that are written at the same moment have names of their own.
  @Test(arguments: S3Server.allCases) func aSingleWritersThreadsLoseNothing(_ server: S3Server) throws {
    let store = try server.store(honoursConditions: false)
    let run = try Run(LodeDataset(store), id: "r")
    onThreads(16) { index in
      #expect(throws: Never.self) { try run.sink.write(run.items(index..<index + 1)) }
    }
    #expect(try sequence(store.reader(), "r").sorted() == Array(0..<16))
    #expect(try errors(store.reader()) == [])
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
