import Foundation
import QuarryCore
import QuarryLode
import S3Client
import Synchronization
import TestSupport
import TestTraits
import Testing

/// Manifests that are there and that the store does not give, while it gives the rest.
@Suite(.ownThread) struct RefusedManifestTests {
  private static let runs = (0..<6).map { "r\($0)" }

  private func commit(_ id: String, _ dataset: LodeDataset) throws {
    let run = try Run(dataset, id: id)
    try run.sink.write(
      run.batch {
        $0.addEvent("item", seq: 1); $0.addEvent("run_complete", seq: 2)
      })
  }

  /// Parts of the addresses whose reading fails, for as long as they stand here.
  private final class Places: Sendable {
    private let parts = Mutex<[String]>([])

    func set(_ parts: String...) { self.parts.withLock { $0 = parts } }

    func refuse(_ request: HTTPServer.Request) -> Bool {
      guard !request.line.hasPrefix("PUT"), !request.line.hasPrefix("DELETE") else { return false }
      return parts.withLock { $0.contains { request.line.contains($0) } }
    }
  }

  private func proxy(_ server: S3Server, _ status: Int, _ places: Places) throws -> HTTPServer {
    let upstream = try server.upstream()
    let body = "<Error><Code>\(status == 403 ? "InvalidObjectState" : "InternalError")</Code></Error>"
    return try HTTPServer { request, _ in
      places.refuse(request) ? .status(status, body: body) : .relay(to: upstream)
    }
  }

  private func repair(_ store: any WritableStore, _ layout: DatasetLayout) throws -> (found: Int, rest: [String]) {
    var found = 0
    let rest = try ManifestRepair(store, layout: layout, leastAge: .zero).repair(writes: true) { _ in found += 1 }
    return (found, rest)
  }

  private func notes(_ reader: LodeReader) throws -> (records: Int64, notes: [String]) {
    var notes: [String] = []
    let records = try reader.records(RecordQuery(), note: { notes.append($0) }) { _ in true }.records
    return (records, notes)
  }

  private func findings(_ reader: LodeReader) throws -> (records: Int64, errors: [Finding]) {
    var errors: [Finding] = []
    let figures = try reader.verify { if $0.severity == .error, $0.kind != .sequence { errors.append($0) } }
    return (figures.records, errors)
  }

  /// Its copies say what it holds; it is named, once, and asked for to the end of all tries but once.
  @Test(arguments: S3Server.allCases, [403, 500]) func oneIsReadFromItsCopies(_ server: S3Server, _ status: Int) throws
  {
    let (direct, places) = (try server.store(), Places())
    for id in Self.runs { try commit(id, LodeDataset(direct)) }
    let rows = try direct.reader().chain().rows
    let before = Set(try direct.manifests(below: direct.reader().layout.folder))
    for snapshot in [rows[0], rows[3]] {
      let proxy = try proxy(server, status, places)
      let reader = try server.store(through: proxy, prefix: direct.prefix).reader()
      let path = "\(reader.layout.canonicalFolder(snapshot.id))/manifest.json"
      places.set("quarry/segments/\(snapshot.id)/")
      for listing in [try reader.runs(), try reader.runs(limit: 99)] {
        #expect(listing.rows.map(\.runID) == Self.runs.reversed())
        #expect(listing.warnings.count == 1, "\(listing.warnings)")
        #expect(listing.warnings.first?.hasPrefix("cannot get \(path)") == true, "\(listing.warnings)")
        #expect(listing.warnings.first?.contains("the store gives others") == true, "\(listing.warnings)")
      }
      let read = try notes(reader)
      #expect(read.records == 12 && read.notes.count == 1 && read.notes[0].contains(path), "\(read)")
      let found = try findings(reader)
      #expect(found.records == 12 && found.errors.map(\.place) == [path], "\(found)")
      let store = try server.store(through: proxy, prefix: direct.prefix)
      let repaired = try repair(store, reader.layout)
      #expect(
        repaired.found == 0 && repaired.rest.contains { $0.contains(path) && $0.contains("nothing is mended there") })
      let tries = proxy.requests.filter { $0.line.contains("quarry/segments/\(snapshot.id)/") }.count
      #expect(status == 403 || tries < 70, "\(tries)")
      #expect(Set(try direct.manifests(below: reader.layout.folder)) == before)
    }
    #expect(try errors(direct.reader()) == [])
  }

  /// The snapshot itself cannot be read then; the others can, and nothing is put back or moved.
  @Test(arguments: [403, 500]) func oneIsSteppedOver(_ status: Int) throws {
    let server = S3Server.moto
    let (direct, places) = (try server.store(), Places())
    for id in Self.runs { try commit(id, LodeDataset(direct)) }
    let proxy = try proxy(server, status, places)
    let store = try server.store(through: proxy, prefix: direct.prefix)
    let reader = store.reader()
    for (index, snapshot) in try direct.reader().chain().rows.enumerated() where index.isMultiple(of: 3) {
      places.set("/segments/\(snapshot.id)/manifest.json")
      let others = Self.runs.reversed().enumerated().filter { $0.offset != index }.map(\.element)
      let listing = try reader.runs()
      #expect(listing.rows.map(\.runID) == others)
      #expect(listing.warnings.contains { $0.contains("\(snapshot.id)/manifest.json") }, "\(listing.warnings)")
      let read = try notes(reader)
      #expect(read.records == 10 && !read.notes.isEmpty, "\(read)")
      let found = try findings(reader)
      #expect(found.records == 10 && !found.errors.isEmpty, "\(found)")
      let repaired = try repair(store, reader.layout)
      let sentence = "no manifest of snapshot \(snapshot.id) can be read"
      #expect(repaired.found == 0 && repaired.rest.contains { $0.hasPrefix(sentence) }, "\(repaired)")
    }
    places.set()
    #expect(try errors(direct.reader()) == [])
    #expect(try direct.reader().chain().rows.count == Self.runs.count)
  }

  /// A writer that cannot read what it would follow commits nothing, and says why.
  @Test(arguments: S3Server.allCases, [403, 500]) func nobodyCommitsPastOne(_ server: S3Server, _ status: Int) throws {
    let (direct, places) = (try server.store(), Places())
    for id in Self.runs { try commit(id, LodeDataset(direct)) }
    let proxy = try proxy(server, status, places)
    let rows = try direct.reader().chain().rows
    places.set("quarry/segments/\(rows[0].id)/")
    let dataset = LodeDataset(try server.store(through: proxy, prefix: direct.prefix), deadline: .seconds(5))
    let error = #expect(throws: QuarryError.self) { try commit("next", dataset) }
    #expect(error?.message.contains("\(rows[0].id)/manifest.json") == true, "\(String(describing: error))")
    #expect(try direct.reader().chain().rows == rows)
    places.set()
    try commit("later", dataset)
    #expect(try errors(direct.reader()) == [])
    #expect(try direct.reader().runs().rows.map(\.runID) == ["later"] + Self.runs.reversed())
  }

  /// Where `latest` is not given either, it is not about a manifest: from the beginning, or from the middle of a command on.
  @Test(arguments: [403, 500]) func allIsNoMatterOfOne(_ status: Int) throws {
    let server = S3Server.moto
    let (direct, upstream) = (try server.store(), try server.upstream())
    for id in Self.runs { try commit(id, LodeDataset(direct)) }
    for begins in [" ", "/manifest.json", "/data/data"] {
      let isOver = Mutex(false)
      let proxy = try HTTPServer { request, _ in
        let isOver = isOver.withLock { isOver in
          isOver = isOver || request.line.contains(begins)
          return isOver
        }
        return isOver ? .status(status, body: "<Error><Code>X</Code></Error>") : .relay(to: upstream)
      }
      let reader = try server.store(through: proxy, prefix: direct.prefix).reader()
      for work in [{ _ = try reader.runs() }, { _ = try self.notes(reader) }, { _ = try reader.verify { _ in } }] {
        isOver.withLock { $0 = false }
        #expect(throws: QuarryError.self) { try work() }
      }
    }
  }

  /// A store that did not work for a while is no matter of what was asked for then: nothing is stepped over.
  @Test func anOutageThatIsOverIsNoMatterOfOne() throws {
    let server = S3Server.moto
    let (direct, upstream) = (try server.store(), try server.upstream())
    for id in Self.runs { try commit(id, LodeDataset(direct)) }
    let newest = try direct.reader().chain().rows[0].id
    let left = Mutex(S3Configuration(bucket: "any").backoff.tries)
    let proxy = try HTTPServer { request, _ in
      guard request.line.contains("quarry/segments/\(newest)/") else { return .relay(to: upstream) }
      let isOut = left.withLock { left in
        left -= 1
        return left >= 0
      }
      return isOut ? .status(500, body: "<Error><Code>InternalError</Code></Error>") : .relay(to: upstream)
    }
    let reader = try server.store(through: proxy, prefix: direct.prefix).reader()
    let error = #expect(throws: QuarryError.self) { try reader.runs(limit: 99) }
    #expect(error?.message.contains("InternalError") == true, "\(String(describing: error))")
    let listing = try reader.runs(limit: 99)
    #expect(listing.rows.count == Self.runs.count && listing.warnings == [], "\(listing.warnings)")
  }

  /// One that the store refuses is asked for to the end of all tries once; each other one as long as it ever was.
  @Test func oneShortensTheTriesOfNoOther() throws {
    let (direct, places) = (try S3Server.moto.store(), Places())
    for id in Self.runs { try commit(id, LodeDataset(direct)) }
    let rows = try direct.reader().chain().rows
    let proxy = try proxy(.moto, 500, places)
    let reader = try S3Server.moto.store(through: proxy, prefix: direct.prefix) { $0.firstTries = 4 }.reader()
    places.set("quarry/segments/\(rows[1].id)/", "quarry/segments/\(rows[2].id)/")
    #expect(try reader.runs(limit: 99).rows.count == rows.count)
    let tries = S3Configuration(bucket: "any").backoff.tries
    for row in rows[1...2] {
      #expect(
        proxy.requests.count { $0.line.contains("GET") && $0.line.contains("quarry/segments/\(row.id)/") } > tries)
    }
  }

  /// Behind a `latest` that was put back together with `latest.lock`: nobody knows what it holds, so it is named, and `latest`
  /// stays where it is.
  @Test(arguments: S3Server.allCases) func oneBehindAnOldPointerIsNamed(_ server: S3Server) throws {
    let (direct, places) = (try server.store(), Places())
    let layout = direct.reader().layout
    for id in Self.runs.dropLast() { try commit(id, LodeDataset(direct)) }
    let old = try [layout.lock, layout.pointer].map { (place: $0, bytes: try #require(try direct.bytes($0))) }
    try commit(Self.runs[5], LodeDataset(direct))
    let newest = try direct.reader().chain().rows[0].id
    for (place, bytes) in old { try direct.replace(place, with: String(decoding: bytes, as: UTF8.self)) }
    let proxy = try proxy(server, 403, places)
    defer { proxy.close() }
    let store = try server.store(through: proxy, prefix: direct.prefix)
    let (reader, path) = (store.reader(), "\(layout.canonicalFolder(newest))/manifest.json")
    places.set("/segments/\(newest)/manifest.json")
    for listing in [try reader.runs(), try reader.runs(limit: 9)] {
      #expect(listing.rows.map(\.runID) == Self.runs.dropLast().reversed())
      #expect(listing.warnings.contains { $0.contains(path) }, "\(listing.warnings)")
    }
    let read = try notes(reader)
    #expect(read.records == 10 && read.notes.contains { $0.contains(path) }, "\(read)")
    #expect(try findings(reader).errors.contains { $0.message.contains(path) })
    let repaired = try repair(store, reader.layout)
    #expect(repaired.found == 0 && repaired.rest.contains { $0.contains(path) }, "\(repaired)")
    #expect(try direct.bytes(layout.pointer) == old[1].bytes)
    places.set()
    #expect(try direct.reader().runs().rows.map(\.runID) == Self.runs.reversed())
  }

  /// Who removed what cannot be read just now, to do without it, would lose what was acknowledged.
  @Test(arguments: [403, 500]) func aLostOneIsPutBackWhenItCanBeRead(_ status: Int) throws {
    let server = S3Server.moto
    let (direct, places) = (try server.store(lease: .zero), Places())
    let (layout, first) = (direct.reader().layout, LodeDataset(direct))
    for (id, dataset) in [("r0", first), ("r1", LodeDataset(direct)), ("r2", LodeDataset(direct))] {
      try commit(id, dataset)
    }
    // Who has begun to write takes what he committed for the newest, as an older version or another program does.
    let rows = try direct.reader().chain().rows
    try direct.replace(layout.pointer, with: "\(rows[2].id)")
    direct.discard(layout.lock)
    try commit("r3", first)
    let proxy = try proxy(server, status, places)
    defer { proxy.close() }
    let store = try server.store(through: proxy, prefix: direct.prefix, lease: .zero)
    places.set("/segments/\(rows[0].id)/manifest.json")
    let rest = try repair(store, store.reader().layout).rest
    let sentence = "no manifest of snapshot \(rows[0].id) can be read now"
    #expect(rest.contains { $0.hasPrefix(sentence) } && !rest.contains { $0.contains("remove") }, "\(rest)")
    places.set()
    #expect(try repair(direct, layout).rest == [])
    #expect(try errors(direct.reader()) == [])
    #expect(try Set(direct.reader().runs().rows.map(\.runID)) == ["r0", "r1", "r2", "r3"])
  }

  /// What lies there cannot be read now, or never.
  @Test(arguments: [true, false]) func oneOnADiskIsReadFromItsCopies(mayPass: Bool) throws {
    let root = TemporaryDirectory()
    let disk = DiskStore(root: root.path)
    for id in Self.runs { try commit(id, LodeDataset(root: root.path, durability: .none)) }
    let rows = try LodeReader(root: root.path).chain().rows
    let path = "\(DatasetLayout(root: root.path, dataset: "quarry").canonicalFolder(rows[2].id))/manifest.json"
    if !mayPass {
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }
    let locked = LockedStore(store: disk, isLocked: { mayPass && $0 == path })
    let reader = LodeReader(DatasetLayout(locked, dataset: "quarry"))
    let listing = try reader.runs()
    #expect(listing.rows.map(\.runID) == Self.runs.reversed())
    #expect(listing.warnings.count == 1 && listing.warnings[0].contains("cannot read \(path)"), "\(listing.warnings)")
    let read = try notes(reader)
    #expect(read.records == 12 && read.notes == listing.warnings, "\(read)")
    let found = try findings(reader)
    #expect(found.records == 12 && found.errors.map(\.place) == [path], "\(found)")
    let repaired = try repair(disk, reader.layout)
    let sentence = mayPass ? "nothing is mended there" : "remove it, then try again"
    #expect(repaired.found == 0 && repaired.rest.contains { $0.contains(path) && $0.contains(sentence) }, "\(repaired)")
  }
}
