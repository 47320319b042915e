import QuarryCore
import QuarryLode
import TestSupport
import Testing

/// Run ids that people chose, where nothing can be locked.
@Suite struct S3ClaimTests {
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
    #expect(error?.remedy?.contains("the id is free 300 s after its last word") == true)
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
    let path = "\(store.reader().layout.claims)/r"
    store.discard(path)
    try run.sink.write(run.items(0..<1))
    #expect(try store.exists(path), "one that somebody removed is made again")
    _ = try leaveClaim(store)
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(1..<2)) }
    #expect(error?.kind == .storage && error?.message.contains("was taken by another process") == true)
    #expect(throws: QuarryError.self) { try run.put("a.txt", "x") }
    claim.release()
    #expect(try store.exists(path), "the other's stays")
    #expect(try sequence(store.reader(), "r") == [0])
  }
}
