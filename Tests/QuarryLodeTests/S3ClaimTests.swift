import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

/// Run ids that people chose, where nothing can be locked.
@Suite(.ownThread) struct S3ClaimTests {
  /// A claim as a process leaves it that was killed.
  private func leaveClaim(_ store: S3Store) throws -> String {
    let path = "\(store.reader().layout.claims)/r"
    let text = "0190-id process 4711 on far.example since 2026-11-24T10:00:00.000Z\n"
    try store.client.put(String(path.dropFirst("s3://\(S3Server.bucket)/".count)), Array(text.utf8))
    return path
  }

  @Test(arguments: S3Server.allCases) func whoeverHasAnIDIsNamed(_ server: S3Server) throws {
    let store = try server.store()
    let path = try leaveClaim(store)
    let error = #expect(throws: QuarryError.self) { try LodeDataset(store).claim(runID: "r") }
    #expect(error?.kind == .usage)
    #expect(
      error?.message.hasPrefix("run id 'r' is running now in process 4711 on far.example, which last said so") == true)
    #expect(error?.message.hasSuffix(" s ago in \(path)") == true)
    #expect(error?.remedy?.contains("remove that object, or wait until 300 s after its last word") == true)
  }

  @Test(arguments: S3Server.allCases) func aDeadProcessClaimIsTakenOver(_ server: S3Server) throws {
    let store = try server.store(claimLease: .zero)
    let path = try leaveClaim(store)
    let dataset = LodeDataset(store)
    let claim = try dataset.claim(runID: "r")
    try Run(dataset, id: "r").sink.write(try Run(dataset, id: "r").items(0..<1))
    claim.release()
    #expect(try !store.exists(path))
    let taken = #expect(throws: QuarryError.self) { try dataset.claim(runID: "r") }
    #expect(taken?.message.contains("is taken") == true)
  }

  /// A process that stood still for longer than the lease writes nothing more under an id that is another's.
  @Test(arguments: S3Server.allCases) func whoeverStoodStillTooLongStops(_ server: S3Server) throws {
    let store = try server.store(claimLease: .zero)
    let slow = LodeDataset(store)
    let claim = try slow.claim(runID: "r")
    let run = try Run(slow, id: "r")
    try run.sink.write(run.items(0..<1))
    let path = try leaveClaim(store)
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(1..<2)) }
    #expect(error?.kind == .storage && error?.message.contains("was free for another process") == true)
    #expect(throws: QuarryError.self) { try run.put("a.txt", "x") }
    claim.release()
    #expect(try store.exists(path), "the other's stays")
    #expect(try sequence(store.reader(), "r") == [0])
  }

  /// The other has stored its run and ended meanwhile: nothing says so any more but that the claim is gone.
  @Test(arguments: S3Server.allCases) func whoeverCameAndWentHasHadTheID(_ server: S3Server) throws {
    let store = try server.store(claimLease: .zero)
    let slow = LodeDataset(store)
    let claim = try slow.claim(runID: "r")
    let path = try leaveClaim(store)
    let other = try Run(LodeDataset(store), id: "r")
    try other.sink.write(other.items(7..<9))
    store.discard(path)
    let run = try Run(slow, id: "r")
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<1)) }
    #expect(error?.message.contains("was free for another process") == true)
    claim.release()
    #expect(try sequence(store.reader(), "r") == [7, 8])
    #expect(try errors(store.reader()) == [])
  }

  /// Where nobody can say whose the id is, nothing is written; afterwards it goes on.
  @Test(arguments: S3Server.allCases) func whatCannotBeAskedIsNoConsent(_ server: S3Server) throws {
    let upstream = try server.upstream()
    let isCut = Mutex(false)
    let proxy = try HTTPServer { request, _ in
      request.line.contains("/claims/r ") && isCut.withLock { $0 } ? .hangUp : .relay(to: upstream)
    }
    let store = try server.store(through: proxy, claimLease: .zero) { $0.backoff.tries = 1 }
    let dataset = LodeDataset(store)
    let claim = try dataset.claim(runID: "r")
    let run = try Run(dataset, id: "r")
    isCut.withLock { $0 = true }
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<1)) }
    #expect(error?.kind == .storage && error?.message.contains("could not be asked") == true, "\(error?.message ?? "")")
    isCut.withLock { $0 = false }
    try run.sink.write(run.items(1..<2))
    claim.release()
    #expect(try sequence(server.store(prefix: store.prefix).reader(), "r") == [1])
  }

  /// It stands still in the middle of a commit, of which nothing is seen.
  @Test(arguments: S3Server.allCases) func aCommitLooksBeforeItIsSeen(_ server: S3Server) throws {
    let (upstream, direct) = (try server.upstream(), try server.store())
    let proxy = try HTTPServer { request, _ in
      if request.line.hasPrefix("PUT"), request.line.contains("/latest.lock ") {
        #expect(throws: Never.self) { _ = try leaveClaim(direct) }
      }
      return .relay(to: upstream)
    }
    let slow = LodeDataset(try server.store(through: proxy, prefix: direct.prefix, claimLease: .zero))
    let claim = try slow.claim(runID: "r")
    let run = try Run(slow, id: "r")
    // It shares its commits with one whose id nobody chose, which goes on.
    let beside = try Run(slow, id: "beside")
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<1)) }
    #expect(error?.message.contains("was free for another process") == true)
    try beside.sink.write(beside.items(0..<1))
    claim.release()
    #expect(try sequence(direct.reader(), "r") == [] && sequence(direct.reader(), "beside") == [0])
    #expect(try errors(direct.reader()) == [])
  }

  /// It does not know yet that another has the id.
  @Test(arguments: S3Server.allCases) func onlyTheOwnClaimIsGivenBack(_ server: S3Server) throws {
    let store = try server.store(claimLease: .zero)
    let claim = try LodeDataset(store).claim(runID: "r")
    let path = try leaveClaim(store)
    claim.release()
    #expect(try store.exists(path))
  }
}
