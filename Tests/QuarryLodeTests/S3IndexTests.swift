import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

/// The index of a bucket's runs, which lies on this machine.
@Suite(.ownThread) struct S3IndexTests {
  /// No folder is left then in which the days were.
  @Test(arguments: S3Server.allCases) func theLastDayMayBeDoneWithout(_ server: S3Server) throws {
    let store = try server.store()
    let run = try Run(LodeDataset(store), id: "r")
    try run.put("a.txt", "hello")
    try run.sink.write(run.items(0..<1))
    var keys: [String] = []
    try store.client.list(prefix: "\(store.prefix)/datasets/quarry/partitions/") { page in
      keys += page.entries.map(\.key)
      return true
    }
    #expect(keys.count == 4)
    try store.client.delete(keys)
    let reader = store.reader()
    #expect(try reader.runs() == Listing(rows: [], warnings: []))
    #expect(try errors(reader) == [])
    let rest = try ManifestRepair(store, layout: reader.layout).repair(writes: true) { found in
      Issue.record("\(found)")
    }
    #expect(rest == [])
  }

  /// What is known of a manifest that was just read is not asked for.
  @Test(arguments: S3Server.allCases) func noManifestIsAskedForTwice(_ server: S3Server) throws {
    let (store, upstream) = (try server.store(), try server.upstream())
    for number in 1...3 {
      let run = try Run(LodeDataset(store), id: "r\(number)")
      try run.sink.write(run.items(0..<1))
    }
    let proxy = try HTTPServer { _, _ in .relay(to: upstream) }
    let reader = try server.store(through: proxy, prefix: store.prefix).reader()
    #expect(try reader.records(RecordQuery()) { _ in true }.records == 3)
    let lines = proxy.requests.map { String($0.line.prefix { $0 != "?" }) }
    let canonical = lines.filter { $0.contains("/quarry/segments/") }
    #expect(canonical.count == 3 && canonical.allSatisfy { $0.hasPrefix("GET") }, "\(lines)")
    for name in ["latest", "latest.lock"] { #expect(lines.filter { $0.contains("/quarry/\(name) ") }.count == 1) }
  }

  private let cache = TemporaryDirectory()

  private func reader(_ store: S3Store) -> LodeReader {
    var layout = DatasetLayout(store, dataset: "quarry")
    layout.indexing.cache = cache.path + "/new/cache"
    return LodeReader(layout)
  }

  private func add(_ id: String, to store: S3Store, day: String = "2026-11-24") throws {
    let partition = try RunPartition(dataset: "quarry", source: "shop", category: "default", day: day, runID: id)
    let sink = LodeDataset(store).sink(for: partition)
    var batch = RecordBatch(partition: partition, policy: "strict")
    batch.addEvent("item", seq: 1)
    batch.addEvent("run_complete", seq: 2)
    batch.addMetrics(completed: 1)
    try sink.write(batch)
  }

  private func ids(_ reader: LodeReader) throws -> [String] { try reader.runs().rows.map(\.runID) }

  @Test(arguments: S3Server.allCases) func answersAreThoseWithoutIt(_ server: S3Server) throws {
    let store = try server.store()
    for number in 0..<6 { try add("r\(number)", to: store, day: "2026-11-2\(number % 3)") }
    let figures = try #require(try reader(store).refreshIndex())
    #expect(figures.runs == 6 && figures.path.hasPrefix(cache.path + "/new/cache/lode/"))
    let folder = try FileManager.default.attributesOfItem(atPath: cache.path + "/new/cache")
    #expect(folder[.posixPermissions] as? Int == 0o700)
    #expect(try reader(store).refreshIndex()?.snapshotsRead == 0)
    #expect(try reader(store).runs().rows == store.reader().runs().rows)
    try add("r6", to: store, day: "2026-11-23")
    #expect(try reader(store).runs().rows == store.reader().runs().rows)
    #expect(try reader(store).runCounts() == store.reader().runCounts())
    #expect(try reader(store).refreshIndex()?.snapshotsRead == 1)
    #expect(tree(cache.path).filter { !$0.hasSuffix("/runs.index") } == [])
    #expect(try !store.exists("\(store.reader().layout.own)/runs.index"))
  }

  /// What is known costs the chain's head, a look behind it and one at the days, however many runs there are.
  @Test func whatIsKnownIsNotReadAgain() throws {
    let (store, upstream) = (try S3Server.moto.store(), try S3Server.moto.upstream())
    for number in 0..<12 { try add("r\(number)", to: store) }
    let proxy = try HTTPServer { _, _ in .relay(to: upstream) }
    let through = try S3Server.moto.store(through: proxy, prefix: store.prefix)
    func requests(_ work: () throws -> Void) rethrows -> Int {
      let before = proxy.requests.count
      try work()
      return proxy.requests.count - before
    }
    let anew = try requests { _ = try reader(through).refreshIndex(anew: true) }
    var runs = 0
    let known = try requests { runs = try reader(through).runCounts().total }
    #expect(runs == 12)
    #expect(known <= 7 && anew > 12 * 3, "\(known) instead of \(anew)")
  }

  @Test func anotherDatasetsIndexIsNotTaken() throws {
    let (store, other) = (try S3Server.moto.store(), try S3Server.moto.store())
    try add("a", to: store)
    try add("b", to: other)
    let (mine, others) = (
      try #require(try reader(store).refreshIndex()), try #require(try reader(other).refreshIndex())
    )
    #expect(mine.path != others.path)
    // Of one name at another address.
    let away = try S3Server.seaweedFS.store(prefix: store.prefix)
    #expect(try ids(reader(away)) == [])
    try add("c", to: away)
    #expect(try reader(away).refreshIndex()?.path != mine.path)
    // One in the other's place is of another chain.
    try FileManager.default.removeItem(atPath: mine.path)
    try FileManager.default.copyItem(atPath: others.path, toPath: mine.path)
    #expect(try ids(reader(store)) == ["a"])
    #expect(try ids(reader(other)) == ["b"])
  }

  /// As a rule of the bucket does that lets old objects expire.
  @Test(arguments: S3Server.allCases) func aDayThatWasRemovedIsGone(_ server: S3Server) throws {
    let store = try server.store()
    try add("old", to: store, day: "2026-01-01")
    try add("new", to: store)
    _ = try reader(store).refreshIndex()
    let day = "\(store.prefix)/datasets/quarry/partitions/source=shop/category=default/day=2026-01-01/"
    var keys: [String] = []
    try store.client.list(prefix: day) { page in
      keys += page.entries.map(\.key)
      return true
    }
    #expect(!keys.isEmpty)
    try store.client.delete(keys)
    #expect(try ids(reader(store)) == ["new"])
    // Begun again since.
    try add("late", to: store, day: "2026-01-01")
    _ = try reader(store).refreshIndex()
    #expect(try reader(store).runs().rows == store.reader().runs().rows)
    #expect(try reader(store).runs().warnings == [] && errors(reader(store)) == [])
    try store.client.delete(keys)
    var late: [String] = []
    try store.client.list(prefix: day) { page in
      late += page.entries.map(\.key)
      return true
    }
    try store.client.delete(late)
    try add("later", to: store, day: "2026-01-01")
    #expect(try ids(reader(store)) == ["later", "new"])
  }

  @Test func withoutAPlaceThereIsNone() throws {
    let store = try S3Server.moto.store()
    try add("a", to: store)
    let error = #expect(throws: QuarryError.self) { try store.reader().refreshIndex() }
    #expect(error?.kind == .usage && error?.remedy?.contains("XDG_CACHE_HOME") == true)
    #expect(try ids(store.reader()) == ["a"])
  }

  /// Whoever waits for the first index is told why.
  @Test(.timeLimit(.minutes(2))) func readingThatTakesLongIsTold() throws {
    let (store, upstream) = (try S3Server.moto.store(), try S3Server.moto.upstream())
    try add("a", to: store)
    let told = Mutex<[String]>([])
    // A manifest that takes until it was told.
    let isTold = DispatchSemaphore(value: 0)
    let isHeld = Mutex(true)
    let proxy = try HTTPServer { request, _ in
      if request.line.contains("/segments/"), request.line.contains("/partitions/"),
        isHeld.withLock({ held in
          defer { held = false }
          return held
        })
      {
        isTold.wait()
      }
      return .relay(to: upstream)
    }
    var layout = reader(try S3Server.moto.store(through: proxy, prefix: store.prefix)).layout
    layout.indexing.patience = .milliseconds(1)
    layout.indexing.slow = { text in
      told.withLock { $0.append(text) }
      isTold.signal()
    }
    #expect(try ids(LodeReader(layout)) == ["a"])
    #expect(!proxy.requests.isEmpty)
    #expect(told.withLock { $0.count } == 1)
    #expect(told.withLock { $0.first }?.hasPrefix("reading the runs of s3://quarry-tests/") == true)
  }
}
