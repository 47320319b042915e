import Foundation
import QuarryCore
import QuarryLode
import S3Client
import Synchronization
import TestSupport
import TestTraits
import Testing

/// What writers left in a bucket is found and goes; what counts stays.
@Suite(.ownThread) struct S3CollectorTests {
  private func collect(
    _ store: S3Store, removes: Bool = true, later: Int64 = 7_200
  ) throws -> [LeftoverFate: [Leftover]] {
    let now = Timestamp(nanoseconds: Timestamp.now().nanoseconds + later * 1_000_000_000)
    let collector = LeftoverCollector(store, dataset: "quarry", age: .seconds(3_600), now: now)
    var found: [LeftoverFate: [Leftover]] = [:]
    try collector.collect(removes: removes) { found[$1, default: []].append($0) }
    return found
  }

  /// Of moto all uploads are from the year 2010.
  @Test func whatNobodyNamesGoes() throws {
    let server = S3Server.seaweedFS
    let store = try server.store { $0.partSize = 5 << 20 }
    let dataset = LodeDataset(store)
    let run = try Run(dataset, id: "r")
    try run.put("kept.txt", "kept")
    try run.sink.write(run.items(0..<3))
    try run.put("lost.txt", "lost")
    _ = try dataset.identity()
    let layout = store.reader().layout
    let data = "\(layout.partitions)/\(run.partition.path)/event_type=item/segments/17/data/data"
    _ = try store.createData(data, Array("{}\n".utf8))
    try dataset.claim(runID: "left").release()
    let upload = S3Upload(store.client, "\(store.prefix)/datasets/quarry/big")
    try [UInt8](repeating: 1, count: 17 << 20).withUnsafeBytes { try upload.write($0) }

    #expect(try collect(store, later: 0).mapValues(\.count) == [.young: 4])
    let dry = try collect(store, removes: false, later: 100_000)
    #expect(dry[.removable].map { Set($0.map(\.kind)) } == [.data, .sidecar, .upload])
    let soon = try collect(store)
    #expect(Set(try #require(soon[.removed]).map(\.kind)) == [.data, .upload], "files may wait for a day: \(soon)")
    #expect(try collect(store, later: 100_000)[.removed]?.map(\.kind) == [.sidecar, .sidecar])
    #expect(try collect(store, later: 100_000) == [:])
    #expect(try errors(store.reader()) == [])
    #expect(try store.reader().run("r")?.sidecarFiles.map(\.filename) == ["kept.txt"])
  }

  /// A store's objects are as old as its clock says, whatever this machine's shows.
  @Test(arguments: S3Server.allCases) func theStoresClockDecides(_ server: S3Server) throws {
    let (store, upstream) = (try server.store(), try server.upstream())
    let run = try Run(LodeDataset(store), id: "r")
    try run.sink.write(run.items(0..<1))
    let lost = "\(store.reader().layout.partitions)/\(run.partition.path)/event_type=item/segments/17/data/data"
    _ = try store.createData(lost, Array("{}\n".utf8))
    func collect(_ relay: HTTPServer.Relay) throws -> [LeftoverFate] {
      let proxy = try HTTPServer { _, _ in .relay(to: upstream, relay) }
      var fates: [LeftoverFate] = []
      try LeftoverCollector(
        try server.store(through: proxy, prefix: store.prefix), dataset: "quarry", age: .seconds(3_600)
      ).collect(removes: true) { fates.append($1) }
      #expect(!proxy.requests.isEmpty)
      return fates
    }
    #expect(try collect(.date(later: -86_400)) == [.young])
    #expect(try collect(.date(later: 0)) == [.young])
    let error = #expect(throws: QuarryError.self) { try collect(.header("date") { _ in nil }) }
    #expect(error?.message.contains("the answer has no date") == true)
    #expect(try collect(.date(later: 7_200)) == [.removed])
    #expect(try errors(store.reader()) == [])
  }

  /// Times that no number of nanoseconds reaches.
  @Test func timesBeyondAllOthersAreOldOrYoung() throws {
    let (store, upstream) = (try S3Server.seaweedFS.store(), try S3Server.seaweedFS.upstream())
    let run = try Run(LodeDataset(store), id: "r")
    try run.sink.write(run.items(0..<1))
    let lost = "\(store.reader().layout.partitions)/\(run.partition.path)/event_type=item/segments/17/data/data"
    _ = try store.createData(lost, Array("{}\n".utf8))
    let year = Timestamp.now().day.prefix(4)
    for (other, fate) in [("9998", LeftoverFate.young), ("0002", .removable)] {
      let proxy = try HTTPServer { _, _ in
        .relay(to: upstream, .text("<LastModified>\(year)", "<LastModified>\(other)"))
      }
      let far = try S3Server.seaweedFS.store(through: proxy, prefix: store.prefix)
      #expect(try collect(far, removes: false, later: 0).mapValues(\.count) == [fate: 1])
      #expect(!proxy.requests.isEmpty)
    }
  }

  @Test func aClaimThatNobodyGaveBackGoes() throws {
    let store = try S3Server.moto.store()
    let run = try Run(LodeDataset(store), id: "r")
    try run.sink.write(run.items(0..<1))
    _ = try store.create("\(store.reader().layout.own)/claims/left", Array("x".utf8))
    #expect(try collect(store, later: 60).mapValues(\.count) == [.young: 1])
    #expect(try collect(store)[.removed]?.map(\.kind) == [.claim])
  }

  /// Its first commit comes between two looks at the pointer.
  @Test(arguments: S3Server.allCases) func aDatasetThatBeginsIsNoDamage(_ server: S3Server) throws {
    let (store, upstream) = (try server.store(), try server.upstream())
    let looks = Mutex(0)
    let proxy = try HTTPServer { request, _ in
      guard request.line.hasPrefix("GET"), request.line.contains("/latest ") else { return .relay(to: upstream) }
      let look = looks.withLock { count in
        count += 1
        return count
      }
      if look == 2 {
        #expect(throws: Never.self) {
          let run = try Run(LodeDataset(store), id: "r")
          try run.sink.write(run.items(0..<1))
        }
      }
      return .relay(to: upstream)
    }
    let found = try collect(try server.store(through: proxy, prefix: store.prefix), later: 0)
    #expect(looks.withLock { $0 } >= 2)
    #expect(found[.removed] == nil)
    #expect(try errors(store.reader()) == [])
  }

  /// A writer that died before its pointer: its manifests are no damage and no leftover, and the next writer carries it out.
  @Test func anAnnouncedCommitIsNoDamage() throws {
    let store = try S3Server.moto.store(lease: .zero)
    let seed = try Run(LodeDataset(store), id: "seed")
    try seed.sink.write(seed.items(0..<1))
    try S3Server.moto.die(before: \.movesPointer, committing: { $0.items(0..<1) }, of: "d", to: store)
    #expect(try store.snapshots(in: store.reader().layout.segments).count == 2)
    #expect(try errors(store.reader()) == [])
    #expect(try collect(store)[.removed] == nil)
    try seed.sink.write(seed.items(1..<2))
    #expect(try store.reader().chain().rows.count == 3)
    #expect(try sequence(store.reader(), "d") == [0] && sequence(store.reader(), "seed") == [0, 1])
    #expect(try collect(store)[.removed] == nil)
    #expect(try errors(store.reader()) == [])
  }
}
