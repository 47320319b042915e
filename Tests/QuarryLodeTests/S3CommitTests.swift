import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

@Suite(.ownThread) struct S3CommitTests {
  @Test(arguments: S3Server.allCases) func commitsFormAChain(_ server: S3Server) throws {
    let store = try server.store()
    let dataset = LodeDataset(store)
    let run = try Run(dataset, id: "r1")
    for index in 0..<5 { try run.sink.write(run.items(index * 3..<index * 3 + 3)) }
    let reader = store.reader()
    #expect(try errors(reader) == [])
    #expect(try reader.chain().rows.count == 5)
    #expect(try sequence(reader, "r1") == Array(0..<15))
    let pointer = try #require(try store.bytes(reader.layout.pointer))
    #expect(String(decoding: pointer, as: UTF8.self) == (try reader.chain().rows.first?.id.description))
    #expect(dataset.storagePath(of: run.partition).hasPrefix("s3://quarry-tests/\(store.prefix)/datasets/quarry/"))
    #expect(try reader.runs().rows.map(\.runID) == ["r1"])
    #expect(try LodeReader(DatasetLayout(try server.store(), dataset: "quarry")).exists() == false)
  }

  /// Each has a client and a memory of its own, as processes have.
  @Test(.timeLimit(.minutes(2)), arguments: S3Server.allCases)
  func eightWritersNeverFailEachOther(_ server: S3Server) throws {
    let store = try server.store()
    let (prefix, rounds) = (store.prefix, 4)
    let errorsMet = Mutex<[String]>([])
    onThreads(8) { index in
      do {
        let run = try Run(LodeDataset(try server.store(prefix: prefix)), id: "r\(index)")
        for round in 0..<rounds { try run.sink.write(run.items(round..<round + 1)) }
      } catch { errorsMet.withLock { $0.append("\(error)") } }
    }
    #expect(errorsMet.withLock { $0 } == [])
    let reader = store.reader()
    #expect(try errors(reader) == [])
    #expect(try reader.chain().rows.count == 8 * rounds)
    for index in 0..<8 { #expect(try sequence(reader, "r\(index)") == Array(0..<rounds)) }
  }

  @Test func writersOfOneProcessShareSnapshots() throws {
    let store = try S3Server.seaweedFS.store()
    let dataset = LodeDataset(store)
    let errorsMet = Mutex<[String]>([])
    onThreads(16) { index in
      do {
        let run = try Run(dataset, id: "r\(index)")
        for round in 0..<4 { try run.sink.write(run.items(round..<round + 1)) }
      } catch { errorsMet.withLock { $0.append("\(error)") } }
    }
    #expect(errorsMet.withLock { $0 } == [])
    let snapshots = try store.reader().chain().rows
    #expect(snapshots.count < 50)
    #expect(snapshots.reduce(0) { $0 + $1.rowCount } == 64)
    #expect(try errors(store.reader()) == [])
  }

  /// What the documentation says of its cost.
  @Test func aCommitCostsFewRequests() throws {
    let upstream = try S3Server.moto.upstream()
    let proxy = try HTTPServer { _, _ in .relay(to: upstream) }
    let store = try S3Server.moto.store(through: proxy)
    let run = try Run(LodeDataset(store), id: "r")
    func requests(_ body: () throws -> Void) rethrows -> [String] {
      let before = proxy.requests.count
      try body()
      return proxy.requests.dropFirst(before).map { request in
        let words = request.line.split(separator: " ")
        return words[1].contains("list-type=") ? "LIST" : String(words[0])
      }
    }
    // Whether there are snapshots of programs that make no `latest` is asked once, by whoever makes it.
    let first = try requests { try run.sink.write(run.items(0..<1)) }
    #expect(first.count { $0 == "LIST" } == 2 && first.count { $0 == "PUT" } == 6, "\(first)")
    try run.sink.write(run.items(1..<2))
    let alone = try requests { try run.sink.write(run.items(2..<3)) }
    #expect(alone == Array(repeating: "PUT", count: 5), "data, announcement, two manifests, pointer")
    let three = try requests {
      try run.sink.write(
        run.batch {
          $0.addEvent("item", seq: 3); $0.addEvent("log", seq: 4); $0.addEvent("page", seq: 5)
        })
    }
    #expect(three == Array(repeating: "PUT", count: 9))
    // Beside others it looks whose turn it is, and reads what it follows; at first it looks behind that as well.
    let other = try Run(LodeDataset(try S3Server.moto.store(through: proxy, prefix: store.prefix)), id: "other")
    let second = try requests { try other.sink.write(other.items(0..<1)) }
    #expect(second.count { $0 == "LIST" } == 1 && second.count { $0 == "PUT" } == 5 && second.count == 9, "\(second)")
    // It took itself for alone, and finds that it is not.
    let beside = try requests { try run.sink.write(run.items(6..<7)) }
    #expect(!beside.contains("LIST") && beside.count { $0 == "PUT" } == 6 && beside.count == 9, "\(beside)")
  }

  /// All who find nothing look once, all look behind the first that they follow, and they wait for the first commit without a look at anything but whose turn it is.
  @Test func whoWaitsForTheFirstCommitListsNothing() throws {
    let server = S3Server.seaweedFS
    let upstream = try server.upstream()
    let proxy = try HTTPServer { _, _ in .relay(to: upstream) }
    let store = try server.store()
    onThreads(8) { index in
      #expect(throws: Never.self) {
        let run = try Run(LodeDataset(try server.store(through: proxy, prefix: store.prefix)), id: "r\(index)")
        try run.sink.write(run.items(0..<1))
      }
    }
    #expect(proxy.requests.count { $0.line.contains("list-type=") } <= 4 * 8)
    #expect(try store.reader().chain().rows.count == 8)
  }

  @Test func anotherWritersCommitIsSeen() throws {
    let store = try S3Server.moto.store()
    let first = try Run(LodeDataset(store), id: "a")
    let second = try Run(LodeDataset(try S3Server.moto.store(prefix: store.prefix)), id: "b")
    for round in 0..<4 {
      try first.sink.write(first.items(round..<round + 1))
      try second.sink.write(second.items(round..<round + 1))
    }
    #expect(try errors(store.reader()) == [])
    #expect(try store.reader().chain().rows.count == 8)
  }

  /// Whoever wrote it, no clock has come there: the ids that follow are of the present.
  @Test func anInventedAnnouncementIsNoMeasure() throws {
    let store = try S3Server.moto.store(lease: .zero)
    let run = try Run(LodeDataset(store), id: "r")
    try run.sink.write(run.items(0..<1))
    let (reader, far) = (store.reader(), SnapshotID(1_999_999_999_999_999_999))
    try store.replace(
      reader.layout.lock, with: String(decoding: CommitIntent([(far, [])]).encoded, as: UTF8.self))
    let next = try Run(LodeDataset(try S3Server.moto.store(prefix: store.prefix, lease: .zero)), id: "next")
    try next.sink.write(next.items(0..<1))
    #expect(try errors(reader) == [])
    #expect(try reader.chain().rows.count == 2)
    #expect(try #require(reader.chain().rows.first).id < far)
  }

  /// Another program that knows nothing of announcements moves the pointer in the middle of a commit.
  @Test(arguments: S3Server.allCases) func aLostRaceIsRunAgain(_ server: S3Server) throws {
    let store = try server.store()
    let seed = try Run(LodeDataset(store), id: "seed")
    try seed.sink.write(seed.items(0..<1))
    let head = try #require(try store.reader().chain().rows.first)
    let (stranger, upstream) = (SnapshotID(head.id.value + 1), try server.upstream())
    let lost = Mutex(false)
    let proxy = try HTTPServer { request, _ in
      let isPointer = request.line.hasPrefix("PUT") && request.line.contains("/latest ")
      if isPointer, !lost.withLock({ $0 }) {
        lost.withLock { $0 = true }
        #expect(throws: Never.self) { try Self.commit(stranger, after: head, in: store) }
      }
      return .relay(to: upstream)
    }
    let run = try Run(LodeDataset(try server.store(through: proxy, prefix: store.prefix)), id: "r")
    try run.sink.write(run.items(0..<2))
    let rows = try store.reader().chain().rows
    #expect(rows.map(\.id).dropFirst() == [stranger, head.id])
    #expect(rows[0].parent == stranger)
    #expect(try errors(store.reader()) == [])
    #expect(Set(try store.snapshots(in: store.reader().layout.segments)) == Set(rows.map(\.id)), "no manifest is left")
  }

  /// An empty snapshot, as another program makes one.
  private static func commit(_ id: SnapshotID, after head: Manifest, in store: S3Store) throws {
    let manifest = Manifest(
      dataset: "quarry", id: id, createdAt: head.createdAt, files: [], parent: head.id, rowCount: 0)
    let layout = store.reader().layout
    _ = try store.create("\(layout.canonicalFolder(id))/manifest.json", manifest.encoded)
    try store.replace(layout.pointer, with: "\(id)")
  }

  @Test(arguments: S3Server.allCases) func filesAndNamesAreTakenOnce(_ server: S3Server) throws {
    let store = try server.store()
    let dataset = LodeDataset(store)
    let run = try Run(dataset, id: "r")
    try run.put("a.txt", "hello")
    let error = #expect(throws: QuarryError.self) { try run.put("a.txt", "other") }
    #expect(error?.message == "the file 'a.txt' is there already in run r")
    try run.sink.write(run.items(0..<1))
    let detail = try #require(try store.reader().run("r"))
    let file = try #require(detail.sidecarFiles.first)
    var bytes: [UInt8] = []
    try store.reader().read(.file(file)) { piece in
      bytes += piece
      return true
    }
    #expect(String(decoding: bytes, as: UTF8.self) == "hello" && file.contentType == "text/plain")
    let identity = try dataset.identity()
    #expect(try LodeDataset(try server.store(prefix: store.prefix)).identity() == identity)
    let claim = try dataset.claim(runID: "new")
    #expect(throws: QuarryError.self) { try LodeDataset(store).claim(runID: "new") }
    claim.release()
    try dataset.claim(runID: "new").release()
    #expect(throws: QuarryError.self) { try dataset.claim(runID: "r") }
  }

  /// A store, or a proxy before it, that never says how long an object is when it sends a part of it.
  @Test(arguments: S3Server.allCases) func whatIsOfUnknownLengthIsReadWhole(_ server: S3Server) throws {
    let (store, upstream) = (try server.store(), try server.upstream())
    let run = try Run(LodeDataset(store), id: "r")
    let text = String(repeating: "x", count: 20_000)
    try run.sink.write(
      run.batch { batch in
        for seq in 0..<20 { batch.addEvent("item", seq: seq) { JSONText.appendMember("text", text, to: &$0) } }
      })
    let proxy = try HTTPServer { _, _ in
      .relay(to: upstream, .header("content-range") { $0.prefix { $0 != "/" } + "/*" })
    }
    let reader = try server.store(through: proxy, prefix: store.prefix).reader()
    #expect(try sequence(reader, "r") == Array(0..<20))
    #expect(try errors(reader) == [])
    #expect(!proxy.requests.isEmpty)
  }

  /// An empty one may be about to get its first dataset.
  @Test(arguments: S3Server.allCases) func aPlaceOfOtherThingsIsTold(_ server: S3Server) throws {
    let store = try server.store()
    #expect(try !store.reader().isPlaceOfOthers())
    _ = try store.create("\(store.root)/.probe-x", Array("x".utf8))
    #expect(try !store.reader().isPlaceOfOthers())
    _ = try store.create("\(store.root)/other/file", Array("x".utf8))
    #expect(try store.reader().isPlaceOfOthers())
    let run = try Run(LodeDataset(store), id: "r")
    try run.sink.write(run.items(0..<1))
    #expect(try !store.reader().isPlaceOfOthers())
  }

  /// Lines that are longer than a window, in a file that is sent in parts.
  @Test(arguments: S3Server.allCases) func whatIsLargeGoesAndComesInParts(_ server: S3Server) throws {
    let store = try server.store { $0.partSize = 5 << 20 }
    let run = try Run(LodeDataset(store), id: "r")
    let text = String(repeating: "x", count: 3_000_000)
    try run.sink.write(
      run.batch { batch in
        for seq in 0..<4 { batch.addEvent("item", seq: seq) { JSONText.appendMember("text", text, to: &$0) } }
      })
    #expect(try sequence(store.reader(), "r") == [0, 1, 2, 3])
    #expect(try store.reader().runs().rows.first?.startedAt != nil)
    #expect(try errors(store.reader()) == [])
  }

  /// As a store may that was started anew: what it had of an upload is gone.
  @Test func anUploadThatTheStoreForgetsIsBegunAgain() throws {
    // moto has no word for it.
    let server = S3Server.seaweedFS
    let (direct, upstream) = (try server.store(), try server.upstream())
    let forgotten = Mutex(0)
    let proxy = try HTTPServer { request, _ in
      if request.line.hasPrefix("PUT"), request.line.contains("partNumber=2"), forgotten.withLock({ $0 }) == 0 {
        #expect(throws: Never.self) {
          for upload in try direct.client.pendingUploads(prefix: direct.prefix) {
            try direct.client.abort(upload)
            forgotten.withLock { $0 += 1 }
          }
        }
      }
      return .relay(to: upstream)
    }
    let store = try server.store(through: proxy, prefix: direct.prefix) { $0.partSize = 5 << 20 }
    let run = try Run(LodeDataset(store), id: "r")
    let text = String(repeating: "x", count: 3_000_000)
    try run.sink.write(
      run.batch { batch in
        for seq in 0..<4 { batch.addEvent("item", seq: seq) { JSONText.appendMember("text", text, to: &$0) } }
      })
    #expect(forgotten.withLock { $0 } == 1)
    #expect(try sequence(direct.reader(), "r") == [0, 1, 2, 3])
    #expect(try errors(direct.reader()) == [])
    #expect(try direct.client.pendingUploads(prefix: direct.prefix) == [])
  }
}
