import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

/// What becomes of a commit whose pointer somebody spoils, or of which it is not heard whether its pointer moved.
@Suite(.ownThread) struct S3PointerTests {
  private func commit(_ id: String, _ count: Int, _ store: S3Store) throws {
    let run = try Run(LodeDataset(store, deadline: .seconds(30)), id: id)
    try run.sink.write(run.items(0..<count))
  }

  /// - Parameter place: the first write whose request's line has it is the one that is not made any more.
  private func die(_ server: S3Server, before place: String, _ store: S3Store) throws {
    try server.die(
      before: { $0.line.hasPrefix("PUT") && $0.line.contains(place) }, committing: { $0.items(0..<2) }, of: "dying",
      to: store)
  }

  /// - Parameter lost: something counts as lost, or as perhaps lost, until a person says otherwise.
  private func expectWhole(_ store: S3Store, lost: Bool = false, _ comment: Comment) throws {
    let found = try errors(store.reader())
    #expect(found.filter { !$0.contains(" is lost: ") && !$0.contains("may be left out") } == [], comment)
    #expect(found.isEmpty == !lost, comment)
    let ids = try store.manifests(below: store.reader().layout.folder)
    #expect(Set(ids) == Set(try store.reader().chain().rows.map(\.id)), comment)
  }

  /// The last commit was acknowledged, and its announcement stands there: it is no dead writer's that was never published.
  @Test(arguments: S3Server.allCases, ["", "garbage\n", "1795600000000000001"])
  func whatWasAcknowledgedOutlivesItsPointer(_ server: S3Server, _ spoiled: String) throws {
    let store = try server.store(lease: .zero)
    let writer = { try server.store(prefix: store.prefix, lease: .zero) }
    try commit("first", 2, try writer())
    let run = try Run(LodeDataset(try writer()), id: "second")
    try run.sink.write(
      run.batch {
        $0.addEvent("item", seq: 0); $0.addEvent("log", seq: 1)
      })
    try store.replace(store.reader().layout.pointer, with: spoiled)
    for id in ["third", "fourth"] { try commit(id, 1, try writer()) }
    try expectWhole(store, "after '\(spoiled)'")
    let reader = store.reader()
    #expect(try sequence(reader, "first") == [0, 1] && sequence(reader, "second") == [0])
    #expect(try sequence(reader, "second", type: "log") == [1])
    #expect(try sequence(reader, "third") == [0] && sequence(reader, "fourth") == [0])
    #expect(try reader.chain().rows.count == 4)
  }

  /// Nobody waits for an announcement of his own that was carried out; another's is waited for, and that is said.
  @Test(arguments: S3Server.allCases) func aSpoiledPointerKeepsItsOwnWriterFromNothing(_ server: S3Server) throws {
    let said = Mutex<[String]>([])
    let store = try server.store(lease: .seconds(3_600))
    let run = try Run(LodeDataset(store), id: "r1")
    for index in 0..<3 {
      try run.sink.write(run.items(index..<index + 1))
      try store.replace(store.reader().layout.pointer, with: "garbage")
    }
    let other = try server.store(prefix: store.prefix, lease: .seconds(3)) {
      $0.onWait = { text in said.withLock { $0.append(text) } }
    }
    try commit("r2", 1, other)
    let sentence = "another commit to \(other.reader().layout.folder) was announced; one of which nothing more comes"
    #expect(said.withLock { $0 }.count == 1 && said.withLock { $0 }.first?.contains(sentence) == true)
    #expect(try sequence(store.reader(), "r1") == [0, 1, 2] && sequence(store.reader(), "r2") == [0])
    try expectWhole(store, "the pointer was spoiled after each commit")
  }

  /// `0` is what a dataset says that has no commit yet.
  @Test(arguments: S3Server.allCases) func aPointerToNothingHidesNoSnapshot(_ server: S3Server) throws {
    let store = try server.store()
    for id in ["first", "second"] { try commit(id, 1, store) }
    let reader = store.reader()
    try store.replace(reader.layout.lock, with: "")
    try store.replace(reader.layout.pointer, with: "0")
    let listing = try reader.runs()
    #expect(Set(listing.rows.map(\.runID)) == ["first", "second"])
    let message = "\(reader.layout.pointer) names no snapshot; going on with the newest that is there"
    #expect(listing.warnings.count == 1 && listing.warnings.allSatisfy { $0.hasPrefix(message) })
    #expect(try errors(reader).contains { $0.contains(message) })
  }

  /// Whoever lost `latest.lock` as well commits onto what is there, and says that nobody knows what is not.
  @Test(arguments: S3Server.allCases) func aPointerToNothingIsNoNewBeginning(_ server: S3Server) throws {
    let store = try server.store()
    for id in ["first", "second"] { try commit(id, 1, store) }
    let reader = store.reader()
    store.discard(reader.layout.lock)
    try store.replace(reader.layout.pointer, with: "0")
    try commit("third", 1, try server.store(prefix: store.prefix))
    try expectWhole(store, lost: true, "a pointer to nothing")
    let listing = try reader.runs()
    #expect(listing.rows.map(\.runID) == ["third", "second", "first"])
    #expect(listing.warnings.count == 1 && listing.warnings[0].contains("may be left out"), "\(listing.warnings)")
  }

  /// `latest.lock` says of each commit which one it follows.
  @Test(arguments: S3Server.allCases) func anOldPointerIsNamedByEveryReader(_ server: S3Server) throws {
    let store = try server.store()
    for number in 1...5 { try commit("r\(number)", 1, store) }
    let reader = store.reader()
    let rows = try reader.chain().rows
    for old in rows.suffix(3) {
      try store.replace(reader.layout.pointer, with: "\(old.id)")
      let message =
        "\(reader.layout.pointer) names snapshot \(old.id), and \(rows[0].id) was committed after it, as if that file were an "
        + "old one"
      for listing in [try reader.runs(), try reader.runs(limit: 9)] {
        #expect(listing.rows.map(\.runID) == ["r5", "r4", "r3", "r2", "r1"])
        #expect(listing.warnings.count == 1 && listing.warnings[0].hasPrefix(message), "\(listing.warnings)")
      }
      var notes: [String] = []
      #expect(try reader.run("r5", note: { notes.append($0) }) != nil)
      #expect(notes.contains { $0.hasPrefix(message) }, "\(notes)")
      notes = []
      #expect(try reader.records(RecordQuery(), note: { notes.append($0) }) { _ in true }.records == 5)
      #expect(notes.count == 1 && notes[0].hasPrefix(message), "\(notes)")
    }
  }

  /// As when both small objects are restored to one moment: `latest.lock` knows of nothing newer then.
  @Test(arguments: S3Server.allCases) func anOldPointerAndItsLockHideNothing(_ server: S3Server) throws {
    let store = try server.store()
    let layout = store.reader().layout
    for number in 1...2 { try commit("r\(number)", 1, store) }
    let old = try [layout.lock, layout.pointer].map { (place: $0, bytes: try #require(try store.bytes($0))) }
    for number in 3...4 { try commit("r\(number)", 1, store) }
    let rows = try store.reader().chain().rows
    for (place, bytes) in old { try store.replace(place, with: String(decoding: bytes, as: UTF8.self)) }
    let message = "\(layout.pointer) names snapshot \(rows[2].id), and \(rows[0].id) was committed after it"
    for listing in [try store.reader().runs(), try store.reader().runs(limit: 9)] {
      #expect(listing.rows.map(\.runID) == ["r4", "r3", "r2", "r1"])
      #expect(listing.warnings.count == 1 && listing.warnings[0].hasPrefix(message), "\(listing.warnings)")
    }
    try commit("next", 1, try server.store(prefix: store.prefix))
    try expectWhole(store, "an old pointer and its lock")
    #expect(try store.reader().runs().rows.map(\.runID) == ["next", "r4", "r3", "r2", "r1"])
  }

  /// The same beneath a writer at work: to what was before its own last commit, which it knows of, or to that commit, which it
  /// looks behind when a minute is over.
  @Test(arguments: S3Server.allCases, [true, false])
  func whatIsPutBackBeneathAWriterHidesNothing(_ server: S3Server, isItsOwn: Bool) throws {
    let store = try server.store()
    let layout = store.reader().layout
    try commit("first", 1, store)
    let later = Mutex<Int64>(0)
    let clock = SnapshotClock(now: { Timestamp(nanoseconds: Timestamp.now().nanoseconds + later.withLock { $0 }) })
    let writer = try Run(LodeDataset(store, deadline: .seconds(30), clock: clock), id: "writer")
    if isItsOwn { try writer.sink.write(writer.items(0..<1)) }
    let old = try [layout.lock, layout.pointer].map { (place: $0, bytes: try #require(try store.bytes($0))) }
    if !isItsOwn { try writer.sink.write(writer.items(0..<1)) }
    try commit("other", 1, try server.store(prefix: store.prefix))
    for (place, bytes) in old { try store.replace(place, with: String(decoding: bytes, as: UTF8.self)) }
    if isItsOwn { later.withLock { $0 = 61_000_000_000 } }
    try writer.sink.write(writer.items(1..<2))
    try expectWhole(store, "an old pointer and its lock beneath a writer")
    #expect(try store.reader().chain().rows.count == 4)
    #expect(try sequence(store.reader(), "writer") == [0, 1] && sequence(store.reader(), "other") == [0])
  }

  /// An old pointer, and a writer that died right after it had said what it was about to do: nothing of that is there.
  @Test(arguments: S3Server.allCases) func whoDiedInFrontOfAnOldPointerHidesNothing(_ server: S3Server) throws {
    let store = try server.store(lease: .zero)
    for number in 1...4 { try commit("r\(number)", 1, try server.store(prefix: store.prefix, lease: .zero)) }
    let reader = store.reader()
    let old = try reader.chain().rows[2].id
    try die(server, before: "/manifest.json ", store)
    try store.replace(reader.layout.pointer, with: "\(old)")
    #expect(try reader.runs().rows.map(\.runID) == ["r4", "r3", "r2", "r1"])
    #expect(try reader.runs().warnings.count == 1)
    try commit("next", 1, try server.store(prefix: store.prefix, lease: .zero))
    try expectWhole(store, "an old pointer and a dead writer")
    #expect(try reader.runs().rows.map(\.runID) == ["next", "r4", "r3", "r2", "r1"])
  }

  /// Nobody can tell that from a writer that died right before it moved the pointer: its commit is carried out by whoever
  /// comes next, and its data is no leftover until then.
  @Test(arguments: S3Server.allCases, [1, 2]) func aPointerThatIsOldByOneTakesNothingAway(
    _ server: S3Server, commits: Int
  ) throws {
    for isRepaired in [true, false] { try loseNothing(server, isRepaired: isRepaired, commits: commits) }
  }

  private func loseNothing(_ server: S3Server, isRepaired: Bool, commits: Int) throws {
    let store = try server.store(lease: .zero)
    for number in 1...commits { try commit("r\(number)", 2, try server.store(prefix: store.prefix, lease: .zero)) }
    let reader = store.reader()
    let rows = try reader.chain().rows
    try store.replace(reader.layout.pointer, with: rows.count > 1 ? "\(rows[1].id)" : "0")
    let later = Timestamp(nanoseconds: Timestamp.now().nanoseconds + 7_200_000_000_000)
    try LeftoverCollector(store, dataset: "quarry", age: .zero, now: later).collect(removes: true) { found, _ in
      Issue.record("\(found)")
    }
    if isRepaired {
      var fates: [MissingManifest.Fate] = []
      let repair = ManifestRepair(store, layout: reader.layout, leastAge: .zero)
      #expect(try repair.repair(writes: true) { fates.append($0.fate) } == [])
      #expect(fates == [.repaired])
    } else {
      try commit("next", 1, try server.store(prefix: store.prefix, lease: .zero))
    }
    try expectWhole(store, "old by one")
    for number in 1...commits { #expect(try sequence(reader, "r\(number)") == [0, 1]) }
    #expect(try reader.chain().rows.count == commits + (isRepaired ? 0 : 1))
  }

  /// What was committed last is left out until the next commit, and may be a writer's at work; when nobody can be at work on
  /// it any more, everybody says so.
  @Test(arguments: S3Server.allCases, [true, false])
  func aPointerThatIsOldByOneIsNamedAfterAWhile(_ server: S3Server, isWhole: Bool) throws {
    let (upstream, store) = (try server.upstream(), try server.store(lease: .zero))
    for number in 1...2 { try commit("r\(number)", 1, store) }
    let layout = store.reader().layout
    let rows = try store.reader().chain().rows
    try store.replace(layout.pointer, with: "\(rows[1].id)")
    let path = layout.path(of: try #require(rows[0].files.first).path)
    let bytes = try #require(try store.bytes(path))
    if !isWhole { store.discard(path) }
    let proxies = try [-86_400, 86_400].map { later in
      try HTTPServer { _, _ in .relay(to: upstream, .date(later: later)) }
    }
    let (early, late) = (
      try server.store(through: proxies[0], prefix: store.prefix).reader(),
      try server.store(through: proxies[1], prefix: store.prefix).reader()
    )
    #expect(try early.runs().warnings == [] && errors(early) == [])
    let message = "snapshot \(rows[0].id) was announced more than a minute ago, and \(layout.pointer) does not name it"
    let found = try [late.runs().warnings, late.runs(limit: 9).warnings, errors(late)]
    for said in found {
      #expect(said.count == 1 && said.allSatisfy { $0.contains(message) && $0.contains(path) != isWhole }, "\(said)")
    }
    var notes: [String] = []
    #expect(try late.records(RecordQuery(), note: { notes.append($0) }) { _ in true }.records == 1)
    #expect(notes == found[0])
    if !isWhole { _ = try store.create(path, bytes) }
    try commit("next", 1, try server.store(prefix: store.prefix, lease: .zero))
    #expect(try errors(late) == [])
    #expect(try late.runs().rows.map(\.runID) == ["next", "r2", "r1"])
    withExtendedLifetime(proxies) {}
  }

  private func commitTwoTypes(_ id: String, day: String = "2026-11-24", _ store: S3Store) throws {
    let run = try Run(LodeDataset(store, deadline: .seconds(30)), id: id, day: day)
    try run.sink.write(
      run.batch {
        $0.addEvent("item", seq: 0); $0.addEvent("log", seq: 1)
      })
  }

  private func repair(_ store: S3Store, writes: Bool = true) throws -> (fates: [MissingManifest.Fate], rest: [String]) {
    var fates: [MissingManifest.Fate] = []
    let repair = ManifestRepair(store, layout: store.reader().layout, leastAge: .zero)
    let rest = try repair.repair(writes: writes) { fates.append($0.fate) }
    return (fates, rest)
  }

  /// What was acknowledged last is not there as a whole any more, and `latest` is the one before it. Whoever comes next cannot
  /// carry it out and does not take it away: it is named until a copy of the dataset has brought back what is gone.
  @Test(arguments: S3Server.allCases, [true, false])
  func whatWasAcknowledgedAndLacksAFileIsNamed(_ server: S3Server, isWrittenOn: Bool) throws {
    let store = try server.store(lease: .zero)
    try commit("first", 1, store)
    try commitTwoTypes("second", store)
    let reader = store.reader()
    let rows = try reader.chain().rows
    let path = reader.layout.path(of: try #require(rows[0].files.first { $0.path.contains("event_type=log") }).path)
    let bytes = try #require(try store.bytes(path))
    store.discard(path)
    try store.replace(reader.layout.pointer, with: "\(rows[1].id)")
    if isWrittenOn {
      try commit("next", 1, try server.store(prefix: store.prefix, lease: .zero))
      let listing = try reader.runs()
      #expect(listing.rows.map(\.runID) == ["next", "first"])
      #expect(listing.warnings.count == 1 && listing.warnings[0].contains("snapshot \(rows[0].id) is lost"))
    }
    for writes in [false, true] {
      let (fates, rest) = try repair(store, writes: writes)
      #expect(fates == (isWrittenOn ? [.failed] : []))
      #expect(
        rest.count == 1 && rest.allSatisfy { $0.contains("snapshot \(rows[0].id)") && $0.contains(path) }, "\(rest)")
    }
    _ = try store.create(path, bytes)
    let (fates, rest) = try repair(store)
    #expect(fates == [.repaired] && rest == [])
    try expectWhole(store, "brought back")
    #expect(try sequence(reader, "second") == [0] && sequence(reader, "second", type: "log") == [1])
  }

  /// A repair that stood still until its claim and its turn were another's says that, and not that others were in its way.
  @Test(arguments: S3Server.allCases) func aRepairThatStoodStillSaysSo(_ server: S3Server) throws {
    let (upstream, store) = (try server.upstream(), try server.store(lease: .zero))
    try commit("first", 1, store)
    try commit("second", 1, store)
    let layout = store.reader().layout
    let rows = try store.reader().chain().rows
    let path = layout.path(of: try #require(rows[0].files.first).path)
    let bytes = try #require(try store.bytes(path))
    store.discard(path)
    try store.replace(layout.pointer, with: "\(rows[1].id)")
    try commit("next", 1, try server.store(prefix: store.prefix, lease: .zero))
    _ = try store.create(path, bytes)
    let proxy = try HTTPServer { request, _ in
      if request.isAnnouncement {
        #expect(throws: Never.self) {
          for place in ["\(layout.own)/repair", layout.lock] { try store.replace(place, with: "another's") }
        }
      }
      return .relay(to: upstream)
    }
    let sleepy = try server.store(through: proxy, prefix: store.prefix, lease: .zero, claimLease: .zero)
    let repair = ManifestRepair(sleepy, layout: sleepy.reader().layout, deadline: .zero, leastAge: .zero)
    let error = #expect(throws: QuarryError.self) { try repair.repair(writes: true) { _ in } }
    #expect(error?.message.hasPrefix("another process was free to repair") == true, "\(String(describing: error))")
    #expect(try store.reader().chain().rows.count == 2)
  }

  /// A whole day that a person does without is no reason to leave out what else the commit holds.
  @Test(arguments: S3Server.allCases) func whatWasRemovedKeepsNoCommitFromBeingCarriedOut(_ server: S3Server) throws {
    let store = try server.store(lease: .zero)
    try commit("first", 1, store)
    try commitTwoTypes("second", day: "2026-11-20", store)
    let reader = store.reader()
    let rows = try reader.chain().rows
    for file in rows[0].files {
      store.discard(reader.layout.path(of: file.path))
      let partition = try #require(reader.layout.partition(ofDataKey: file.path))
      store.discard("\(reader.layout.segmentFolder(rows[0].id, partition: partition))/manifest.json")
    }
    try store.replace(reader.layout.pointer, with: "\(rows[1].id)")
    try commit("next", 1, try server.store(prefix: store.prefix, lease: .zero))
    #expect(try errors(reader) == [])
    #expect(try reader.chain().rows.map(\.id).contains(rows[0].id))
  }

  /// Its last manifest came after another had taken it for dead and gone past it, and a repair has committed what it holds
  /// again: it finds that, and removes nothing that counts by then.
  @Test(arguments: S3Server.allCases) func whatARepairPutBackIsNotStoredAgain(_ server: S3Server) throws {
    let (upstream, store) = (try server.upstream(), try server.store(lease: .zero))
    try commit("earlier", 1, store)
    let hasCome = Mutex(false)
    let proxy = try HTTPServer { request, _ in
      guard request.line.hasPrefix("PUT"), request.line.contains("/quarry/segments/"),
        hasCome.withLock({ $0.isFirst() })
      else { return .relay(to: upstream) }
      #expect(throws: Never.self) {
        try self.commit("other", 1, try server.store(prefix: store.prefix, lease: .zero))
      }
      return .relay(
        to: upstream,
        .changed { _ in
          let fates = try? self.repair(store).fates
          #expect(fates == [.repaired])
          return Array(Self.refusal(403, "AccessDenied").utf8)
        })
    }
    try commit("slow", 2, try server.store(through: proxy, prefix: store.prefix, lease: .zero))
    #expect(hasCome.withLock { $0 })
    try expectWhole(store, "put back by a repair")
    #expect(try sequence(store.reader(), "slow") == [0, 1] && sequence(store.reader(), "other") == [0])
    #expect(try store.reader().chain().rows.count == 3)
  }

  /// A slow writer that another took for dead, while a file of its was not there: what it takes back itself, and commits
  /// again, is not lost.
  @Test(arguments: S3Server.allCases) func whoeverTakesBackItsOwnLosesNothing(_ server: S3Server) throws {
    let (upstream, store) = (try server.upstream(), try server.store(lease: .zero))
    try commit("earlier", 1, store)
    let layout = store.reader().layout
    let run = try RunPartition(
      dataset: "quarry", source: "shop", category: "default", day: "2026-11-24", runID: "slow")
    let segments = "\(layout.partitions)/\(run.path)/event_type=item/segments"
    let hasCome = Mutex(false)
    let proxy = try HTTPServer { request, _ in
      if request.movesPointer, hasCome.withLock({ $0.isFirst() }) {
        #expect(throws: Never.self) {
          let paths = try store.names(in: segments).map { "\(segments)/\($0)/data/data" }
          let path = try #require(try paths.first { try store.exists($0) })
          let bytes = try #require(try store.bytes(path))
          store.discard(path)
          try self.commit("other", 1, try server.store(prefix: store.prefix, lease: .zero))
          #expect(try store.names(in: "\(layout.own)/lost").count == 1)
          _ = try store.create(path, bytes)
        }
      }
      return .relay(to: upstream)
    }
    try commit("slow", 2, try server.store(through: proxy, prefix: store.prefix, lease: .zero))
    #expect(hasCome.withLock { $0 })
    try expectWhole(store, "taken back")
    #expect(try sequence(store.reader(), "slow") == [0, 1] && sequence(store.reader(), "other") == [0])
  }

  /// A writer was told that its last manifest was refused, which was stored: another carries its commit out before it can
  /// take it back, or comes too late for that.
  @Test(arguments: S3Server.allCases, [true, false])
  func whatIsTakenBackIsNotCarriedOut(_ server: S3Server, comesFirst: Bool) throws {
    let (upstream, store) = (try server.upstream(), try server.store(lease: .zero))
    try commit("earlier", 1, store)
    let hasLied = Mutex(false)
    let hasCome = Mutex(false)
    let proxy = try HTTPServer { request, _ in
      if request.line.hasPrefix("PUT"), request.line.contains("/quarry/segments/"), hasLied.withLock({ $0.isFirst() }) {
        return .relay(to: upstream, .changed { _ in Array(Self.refusal(403, "AccessDenied").utf8) })
      }
      let isMoment =
        comesFirst ? request.line.hasPrefix("PUT") && request.line.contains("/latest ") : request.line.hasPrefix("POST")
      if isMoment, hasLied.withLock({ $0 }), hasCome.withLock({ $0.isFirst() }) {
        #expect(throws: Never.self) {
          try self.commit("other", 1, try server.store(prefix: store.prefix, lease: .zero))
        }
      }
      return .relay(to: upstream)
    }
    let slow = Result { try commit("slow", 2, try server.store(through: proxy, prefix: store.prefix, lease: .zero)) }
    #expect(hasCome.withLock { $0 })
    let isStored = (try? slow.get()) != nil
    #expect(isStored == comesFirst, "\(slow)")
    try expectWhole(store, "taken back")
    #expect(try sequence(store.reader(), "slow") == (comesFirst ? [0, 1] : []))
    #expect(try sequence(store.reader(), "other") == [0])
  }

  /// It is there before anything is announced.
  @Test(arguments: S3Server.allCases, [1, 3])
  func aPointerThatIsGoneIsNamedAndPutBack(_ server: S3Server, commits: Int) throws {
    let store = try server.store(lease: .zero)
    for number in 1...commits { try commit("r\(number)", 1, store) }
    let reader = store.reader()
    let newest = try reader.chain().rows[0].id
    store.discard(reader.layout.pointer)
    let listing = try reader.runs()
    #expect(listing.rows.count == commits)
    #expect(listing.warnings.count == 1 && listing.warnings[0].hasPrefix("\(reader.layout.pointer) is not there"))
    var fates: [MissingManifest.Fate] = []
    let rest = try ManifestRepair(store, layout: reader.layout).repair(writes: true) { fates.append($0.fate) }
    #expect(rest == [] && fates == [.repaired])
    #expect(try store.bytes(reader.layout.pointer) == Array("\(newest)".utf8))
    try expectWhole(store, "put back")
  }

  /// Behind a proxy that answers so for all of one type's records. A listing, or a look at their sizes, says that they are
  /// there.
  @Test(arguments: S3Server.allCases, [403, 404])
  func whatCannotBeReadIsNotSaidToBeMissing(_ server: S3Server, status: Int) throws {
    let (store, upstream) = (try server.store(), try server.upstream())
    let run = try Run(LodeDataset(store), id: "r1")
    try run.sink.write(
      run.batch {
        $0.addEvent("item", seq: 1); $0.addEvent("log", seq: 2)
      })
    let body = status == 404 ? "<Error><Code>NoSuchKey</Code></Error>" : ""
    let proxy = try HTTPServer { request, _ in
      let isRecords = request.line.contains("item/segments/") && request.line.contains("/data/data")
      return isRecords && request.line.hasPrefix("GET") ? .status(status, body: body) : .relay(to: upstream)
    }
    let found = try errors(try server.store(through: proxy, prefix: store.prefix).reader())
    let message = status == 403 ? "403" : "was there when the check began"
    #expect(found.count == 1 && found.first?.contains(message) == true, "\(found)")
    var findings: [Finding] = []
    _ = try server.store(through: proxy, prefix: store.prefix).reader().verify { findings.append($0) }
    #expect(!findings.contains { $0.kind == .sequence }, "\(findings)")
  }

  /// A writer died before all of its commit was there, and the pointer is spoiled as well: it was never published.
  @Test(arguments: S3Server.allCases) func halfACommitIsNone(_ server: S3Server) throws {
    let store = try server.store(lease: .zero)
    try commit("earlier", 2, store)
    try die(server, before: "/quarry/segments/", store)
    try store.replace(store.reader().layout.pointer, with: "garbage")
    try commit("next", 1, try server.store(prefix: store.prefix, lease: .zero))
    try expectWhole(store, "half a commit")
    #expect(try sequence(store.reader(), "earlier") == [0, 1] && sequence(store.reader(), "next") == [0])
    #expect(try sequence(store.reader(), "dying") == [])
  }

  /// Taken for dead when all of its commit was there and the pointer was spoiled, it finds that it counts.
  @Test(arguments: S3Server.allCases) func whoeverIsTakenForPublishedIs(_ server: S3Server) throws {
    let (upstream, store) = (try server.upstream(), try server.store(lease: .zero))
    try commit("earlier", 1, store)
    let announcements = Mutex(0)
    let proxy = try HTTPServer { request, _ in
      guard request.isAnnouncement else { return .relay(to: upstream) }
      let number = announcements.withLock { count in
        count += 1
        return count
      }
      // The first is the commit's; it is renewed after the manifests of partitions and after the canonical one.
      if number == 3 {
        #expect(throws: Never.self) {
          try store.replace(store.reader().layout.pointer, with: "garbage")
          try self.commit("other", 1, try server.store(prefix: store.prefix, lease: .zero))
        }
      }
      return .relay(to: upstream)
    }
    try commit("slow", 2, try server.store(through: proxy, prefix: store.prefix, lease: .zero))
    #expect(announcements.withLock { $0 } >= 3)
    try expectWhole(store, "taken for published")
    #expect(try sequence(store.reader(), "slow") == [0, 1] && sequence(store.reader(), "other") == [0])
    #expect(try store.reader().chain().rows.count == 3)
  }

  private static func refusal(_ status: Int, _ code: String = "") -> String {
    let body = code.isEmpty ? "" : "<Error><Code>\(code)</Code><Message>no</Message></Error>"
    return "HTTP/1.1 \(status) Word\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
  }

  /// Of a way to the store that passes a write on and says something else of it than the store.
  private static let falseAnswers: [String] =
    [301, 307, 400, 401, 403, 404, 405, 408, 409, 411, 412, 413, 421, 425, 429, 499, 500, 501, 503].map {
      Self.refusal($0)
    }
    + [
      Self.refusal(400, "ExpiredToken"), Self.refusal(403, "AccessDenied"), "not HTTP at all\r\n\r\n",
      "HTTP/7.3 200 OK\r\n\r\n",
      "\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\u{28}",
    ]

  /// Passes the first move of the pointer on and says `answer` of it, after `meanwhile`.
  private func lying(
    _ server: S3Server, _ answer: String, meanwhile: @escaping @Sendable () -> Void = {}
  ) throws -> HTTPServer {
    let upstream = try server.upstream()
    let hasLied = Mutex(false)
    return try HTTPServer { request, _ in
      let lies =
        request.movesPointer
        && hasLied.withLock { has in
          defer { has = true }
          return !has
        }
      guard lies else { return .relay(to: upstream) }
      return .relay(
        to: upstream,
        .changed { _ in
          meanwhile()
          return Array(answer.utf8)
        })
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: S3Server.allCases)
  func aPointerThatMovedIsNeverTakenBack(_ server: S3Server) throws {
    for answer in Self.falseAnswers {
      let store = try server.store()
      try commit("earlier", 1, store)
      let proxy = try lying(server, answer)
      try commit("r", 2, try server.store(through: proxy, prefix: store.prefix))
      try expectWhole(store, "\(answer)")
      #expect(try sequence(store.reader(), "r") == [0, 1], "\(answer)")
      #expect(try store.reader().chain().rows.count == 2, "\(answer)")
    }
  }

  /// Another has followed by the time the false answer comes.
  @Test(arguments: S3Server.allCases, [403, 501])
  func whatAnotherFollowedIsNeverTakenBack(_ server: S3Server, _ status: Int) throws {
    let store = try server.store()
    try commit("earlier", 1, store)
    let proxy = try lying(server, Self.refusal(status)) {
      #expect(throws: Never.self) { try self.commit("other", 1, try server.store(prefix: store.prefix)) }
    }
    try commit("r", 2, try server.store(through: proxy, prefix: store.prefix))
    try expectWhole(store, "\(status)")
    #expect(try sequence(store.reader(), "r") == [0, 1] && sequence(store.reader(), "other") == [0])
    #expect(try store.reader().chain().rows.count == 3)
  }

  /// A refusal that is one: nothing of the commit stays, and why it failed is told.
  @Test(arguments: S3Server.allCases) func aPointerThatIsRefusedLeavesNothing(_ server: S3Server) throws {
    let upstream = try server.upstream()
    let hasRefused = Mutex(false)
    let store = try server.store()
    try commit("earlier", 1, store)
    let proxy = try HTTPServer { request, _ in
      let refuses =
        request.movesPointer
        && hasRefused.withLock { has in
          defer { has = true }
          return !has
        }
      return refuses ? .status(403, body: "<Error><Code>AccessDenied</Code></Error>") : .relay(to: upstream)
    }
    let error = #expect(throws: QuarryError.self) {
      try commit("r", 2, try server.store(through: proxy, prefix: store.prefix))
    }
    #expect(error?.message.contains("AccessDenied") == true && error?.message.contains("not known") == false)
    try expectWhole(store, "refused")
    #expect(try sequence(store.reader(), "r") == [])
  }

  /// Nobody can be asked: what may be visible stays, whether it is or not, and the next writer finds out.
  @Test(arguments: S3Server.allCases, [true, false])
  func whatMayBeVisibleStays(_ server: S3Server, isCarriedOut: Bool) throws {
    let upstream = try server.upstream()
    let isDenied = Mutex(false)
    let store = try server.store(lease: .zero)
    try commit("earlier", 1, store)
    let denial = Self.refusal(403, "AccessDenied")
    let proxy = try HTTPServer { request, _ in
      let isFirst = isDenied.withLock { denied in
        defer { denied = denied || request.movesPointer }
        return !denied && request.movesPointer
      }
      if isFirst, isCarriedOut { return .relay(to: upstream, .changed { _ in Array(denial.utf8) }) }
      return isDenied.withLock { $0 }
        ? .status(403, body: "<Error><Code>AccessDenied</Code></Error>") : .relay(to: upstream)
    }
    let error = #expect(throws: QuarryError.self) {
      try commit("r", 2, try server.store(through: proxy, prefix: store.prefix))
    }
    #expect(error?.message.contains("whether the records are visible is not known") == true)
    #expect(try sequence(store.reader(), "r") == (isCarriedOut ? [0, 1] : []))
    #expect(try errors(store.reader()) == [])
    try commit("next", 1, try server.store(prefix: store.prefix, lease: .zero))
    try expectWhole(store, "after the next")
    #expect(try sequence(store.reader(), "r") == [0, 1])
    #expect(try sequence(store.reader(), "next") == [0])
  }

  /// Nobody could be asked whether a batch is visible. It is tried again, when its writer's way to the store is whole: it is
  /// there once, whether its pointer had moved, another has carried it out meanwhile, or nobody has.
  @Test(arguments: S3Server.allCases, Fate.allCases) func whatMayBeVisibleIsStoredOnce(_ server: S3Server, _ fate: Fate)
    throws
  {
    let (upstream, store) = (try server.upstream(), try server.store(lease: .zero))
    let isDenied = Mutex(false)
    let isMended = Mutex(false)
    let proxy = try HTTPServer { request, _ in
      let isFirst = isDenied.withLock { request.movesPointer && $0.isFirst() }
      if isFirst, fate == .moved {
        return .relay(to: upstream, .changed { _ in Array(Self.refusal(403, "AccessDenied").utf8) })
      }
      return isDenied.withLock { $0 } && !isMended.withLock { $0 }
        ? .status(403, body: "<Error><Code>AccessDenied</Code></Error>") : .relay(to: upstream)
    }
    let run = try Run(LodeDataset(try server.store(through: proxy, prefix: store.prefix)), id: "r")
    try run.put("a.txt", "hello")
    #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<2)) }
    #expect(run.sink.isInDoubt)
    if fate == .carriedOut { try commit("other", 1, try server.store(prefix: store.prefix, lease: .zero)) }
    #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<2)) }
    isMended.withLock { $0 = true }
    try run.sink.write(run.items(0..<3))
    try expectWhole(store, "\(fate)")
    #expect(try sequence(store.reader(), "r") == [0, 1, 2])
    #expect(try store.reader().chain().rows.flatMap(\.sidecarFiles).map(\.filename) == ["a.txt"])
  }

  enum Fate: String, CaseIterable { case moved, carriedOut, dropped }
}

extension Bool {
  /// True once.
  fileprivate mutating func isFirst() -> Bool {
    defer { self = true }
    return !self
  }
}
