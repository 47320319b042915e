import Foundation
import QuarryCore
import QuarryLode
import S3Client
import Synchronization
import TestSupport
import TestTraits
import Testing

/// Records that a bucket's store does not give, where they are of use only as a whole: what they would say is left open, in the
/// exact words, and never guessed.
@Suite(.ownThread) struct RefusedLedgerTests {
  private static let hint =
    "; the store gives others, so see what is this one's alone (its encryption key, its storage class, a lost volume of the "
    + "store)"

  /// What the store answers to, besides writes, and with which status.
  private final class Refusals: Sendable {
    private let part = Mutex<String?>(nil)
    let status: Int

    init(_ status: Int) { self.status = status }

    func set(_ part: String?) { self.part.withLock { $0 = part } }

    func takes(_ request: HTTPServer.Request) -> Bool {
      guard !request.line.hasPrefix("PUT"), !request.line.hasPrefix("DELETE") else { return false }
      return part.withLock { part in part.map { request.line.contains($0) } ?? false }
    }

    var answer: HTTPServer.Answer {
      .status(status, body: "<Error><Code>\(status == 403 ? "InvalidObjectState" : "InternalError")</Code></Error>")
    }

    /// What a reader says of a place.
    /// - Parameter looked: it had asked first whether it is there, and is told no reason for that.
    func sentence(_ place: String, looked: Bool = false) -> String {
      let tries = S3Configuration(bucket: "any").backoff.tries
      let said =
        switch (status, looked) {
        case (403, _): "cannot get \(place): InvalidObjectState (403)"
        case (_, true): "cannot head \(place): the store answers 500 (after \(tries) tries)"
        case (_, false): "cannot get \(place): InternalError (500) (after \(tries) tries)"
        }
      return said + RefusedLedgerTests.hint
    }
  }

  private func proxy(_ refusals: Refusals) throws -> HTTPServer {
    let upstream = try S3Server.moto.upstream()
    return try HTTPServer { request, _ in refusals.takes(request) ? refusals.answer : .relay(to: upstream) }
  }

  private func item(_ id: String, _ seq: Int, _ dataset: LodeDataset, job: String? = nil) throws {
    let run = try Run(dataset, id: id)
    try run.sink.write(
      run.batch { batch in
        batch.addEvent("item", seq: seq) { JSONText.appendMember("job_id", job, to: &$0) }
      })
  }

  /// Its data, and its manifest with the copy of it.
  @Test(arguments: [403, 500], ["/data/data", "/manifest.json"])
  func aRefusedLedgerIsNoAnswer(_ status: Int, _ part: String) throws {
    let (direct, refusals) = (try S3Server.moto.store(), Refusals(status))
    let dataset = LodeDataset(direct)
    try item("r1", 1, dataset, job: "j")
    let accepted = #"{"kind":"accepted","task_id":"t1","accepted_run_id":"r1","epoch":1}"#
    try dataset.ledger.append([accepted], fleet: "f", jobID: "j")
    let row = try #require(try direct.reader().chain().rows.first)
    try item("r2", 1, dataset)
    let proxy = try proxy(refusals)
    let reader = try S3Server.moto.store(through: proxy, prefix: direct.prefix).reader()
    let job = RecordQuery(runs: RunFilter(jobID: "j", isAcceptedOnly: true))
    #expect(try reader.records(job) { _ in true }.records == 1)
    refusals.set("/segments/\(row.id)\(part)")
    let file = reader.layout.path(of: try #require(row.files.first?.path))
    let place = part == "/data/data" ? file : "\(reader.layout.canonicalFolder(row.id))/manifest.json"
    let message = "the ledger of job j cannot be read whole: \(refusals.sentence(place))"

    var printed = 0
    for query in [job, RecordQuery(runs: RunFilter(isAcceptedOnly: true))] {
      let error = #expect(throws: QuarryError.self) {
        try reader.records(query) { _ in
          printed += 1
          return true
        }
      }
      #expect(error?.message == message)
    }
    let followed = #expect(throws: QuarryError.self) {
      try reader.follow(job, pause: { false }, outage: { false }) { _ in
        printed += 1
        return true
      }
    }
    #expect(followed?.message == message && printed == 0)
    #expect(#expect(throws: QuarryError.self) { try reader.acceptedRuns(jobID: "j") }?.message == message)
    var notes: [String] = []
    let summary = try #require(try reader.job("j") { notes.append($0) })
    #expect(summary.runs.map(\.runID) == ["r1"] && summary.ended == nil && notes.contains(message), "\(notes)")
    let jobs = try reader.jobs()
    #expect(jobs.rows.map(\.jobID) == ["j"] && jobs.rows[0].tasks == nil && jobs.warnings.contains(message))
    refusals.set(nil)
    #expect(try reader.records(job) { _ in true }.records == 1)
    #expect(try reader.job("j")?.ended?.count == 1)
  }

  /// A lost snapshot is put back only when all of it, and all that its records may be repeated by, can be read; nobody is told to
  /// remove what is refused for a while. Its own data, and that of one on the chain.
  @Test(arguments: [403, 500], [true, false])
  func nothingIsPutBackBesideWhatIsRefused(_ status: Int, isOwn: Bool) throws {
    let (direct, refusals) = (try S3Server.moto.store(lease: .zero), Refusals(status))
    let (layout, first) = (direct.reader().layout, LodeDataset(direct))
    try item("x", 1, first)
    try item("x", 2, LodeDataset(direct))
    let rows = try direct.reader().chain().rows
    try direct.replace(layout.pointer, with: "\(rows[1].id)")
    direct.discard(layout.lock)
    try item("r3", 1, first)
    let proxy = try proxy(refusals)
    defer { proxy.close() }
    let store = try S3Server.moto.store(through: proxy, prefix: direct.prefix, lease: .zero)
    let file = layout.path(of: try #require(rows[isOwn ? 0 : 1].files.first?.path))
    refusals.set(String(file[try #require(file.range(of: "/segments/")).lowerBound...]))
    func repair(_ store: S3Store) throws -> (fates: [String], rest: [String]) {
      var fates: [String] = []
      let rest = try ManifestRepair(store, layout: store.reader().layout, leastAge: .zero)
        .repair(writes: true) { fates.append("\($0.fate)") }
      return (fates, rest)
    }
    let refused = try repair(store)
    #expect(refused.fates == ["failed"])
    let message =
      "snapshot \(rows[0].id) is not put back: nobody knows which of its records are stored by others "
      + "(\(refusals.sentence(file, looked: true))); try again when that can be read"
    #expect(refused.rest.contains(message) && !refused.rest.contains { $0.contains("remove") }, "\(refused)")
    refusals.set(nil)
    #expect(try repair(direct).rest == [])
    #expect(try sequence(direct.reader(), "x").sorted() == [1, 2])
    #expect(try errors(direct.reader()) == [])
  }
}
