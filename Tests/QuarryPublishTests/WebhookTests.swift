import Foundation
import QuarryCore
import QuarryPublish
import Synchronization
import TestSupport
import Testing

/// The webhook against a real server that is up, slow, silent, refusing, away and back again.
@Suite struct WebhookTests {
  private let outbox = MemoryOutbox()
  private let warnings = Texts()
  private let pauses = Texts()

  private func notifier(
    _ url: String, headers: [(name: String, value: String)] = [], timeout: Duration = .seconds(30), retries: Int = 3,
    keepsPending: Bool = true, outbox: MemoryOutbox? = nil, breaker: CircuitBreaker? = nil
  ) throws -> Notifier {
    let (warnings, pauses) = (warnings, pauses)
    return Notifier(
      adapter: try WebhookAdapter(url: url, headers: headers, timeout: timeout), retries: retries,
      outbox: outbox ?? self.outbox, keepsPending: keepsPending,
      breaker: breaker ?? CircuitBreaker(threshold: 3, pause: .seconds(30)), warn: { warnings.add($0) },
      sleep: { pauses.add("\($0)") })
  }

  @Test func postsTheJSONWithItsHeaders() throws {
    let server = try HTTPServer { _, _ in .status(204) }
    let notifier = try notifier(
      server.url + "/hook?a=b", headers: [("X-Token", "t=1"), ("X-Empty", ""), ("content-type", "application/x")])
    let figures = notifier.notify(try entry())
    #expect(figures.isDelivered && figures.attempts == 1)
    let request = try #require(server.requests.first)
    #expect(request.line == "POST /hook?a=b HTTP/1.1")
    #expect(request.body == #"{"run_id":"r-1"}"#)
    #expect(request.headers["x-token"] == "t=1")
    #expect(request.headers["x-empty"] == "")
    #expect(request.headers["content-type"] == "application/x")
    #expect(request.headers["user-agent"] == "quarry/\(Version.current)")
    #expect(outbox.kinds == ["pending n-1", "delivered n-1"])
    #expect(warnings.all.isEmpty)
  }

  @Test func jsonIsTheDefaultContentType() throws {
    let server = try HTTPServer { _, _ in .status(200) }
    #expect(try notifier(server.url, keepsPending: false).notify(entry()).isDelivered)
    #expect(server.requests.first?.headers["content-type"] == "application/json")
    #expect(outbox.kinds.isEmpty)
  }

  @Test func userAndPasswordOfTheURLBecomeBasicAuthentication() throws {
    let server = try HTTPServer { _, _ in .status(200) }
    _ = try notifier("http://us%65r:pass@127.0.0.1:\(server.port)/").notify(entry())
    #expect(server.requests.first?.headers["authorization"] == "Basic " + Data("user:pass".utf8).base64EncodedString())
  }

  @Test func pausesDoubleFromHalfASecond() throws {
    let server = try HTTPServer { _, number in .status(number < 4 ? 503 : 200) }
    let figures = try notifier(server.url).notify(entry())
    #expect(figures.isDelivered && figures.attempts == 4 && figures.retries == 3)
    #expect(pauses.all == ["0.5 seconds", "1.0 seconds", "2.0 seconds"])
    #expect(warnings.all.isEmpty)
  }

  @Test(arguments: [400, 401, 404, 410, 499])
  func refusalsAreNotTriedAgainAndDoNotWait(_ status: Int) throws {
    let server = try HTTPServer { _, _ in .status(status) }
    let figures = try notifier(server.url).notify(entry())
    #expect(!figures.isDelivered && figures.attempts == 1 && !figures.isPending && figures.isRefused)
    #expect(outbox.kinds == ["pending n-1", "refused n-1 after 1"])
    #expect(warnings.all.first?.contains("it refused with \(status); that is recorded") == true)
    #expect(warnings.all.first?.contains("quarry adapter drain") == false)
  }

  @Test(arguments: [408, 425, 429])
  func whatIsRefusedForNowWaitsForTheDrain(_ status: Int) throws {
    let server = try HTTPServer { _, _ in .status(status) }
    let figures = try notifier(server.url).notify(entry())
    #expect(figures.attempts == 1 && figures.isPending && !figures.isRefused)
    #expect(outbox.kinds == ["pending n-1", "failed n-1 after 1"])
    #expect(warnings.all.first?.contains("quarry adapter drain") == true)
  }

  @Test(arguments: ["Content-Length", "host", "Transfer-Encoding", "Connection"])
  func headersOfTheRequestItselfAreRefused(_ name: String) throws {
    let error = #expect(throws: QuarryError.self) { try notifier("http://h/", headers: [(name, "canary")]) }
    #expect(error?.kind == .usage)
    #expect(error?.message == "the webhook cannot be used: the header \(name) is made from the request itself")
  }

  @Test func redirectsAreNotFollowed() throws {
    let other = try HTTPServer { _, _ in .status(200) }
    let server = try HTTPServer { _, _ in .status(302, headers: ["Location: \(other.url)/canary"]) }
    let figures = try notifier(server.url, headers: [("X-Token", "canary")], retries: 1).notify(entry())
    #expect(!figures.isDelivered && figures.attempts == 2)
    #expect(figures.error == "it answered 302, a redirect; name the URL that it leads to")
    #expect(other.requests.isEmpty)
  }

  @Test(arguments: [true, false])
  func silenceEndsWithTheTimeLimit(_ isSilent: Bool) throws {
    let server = try HTTPServer { _, number in number == 1 ? (isSilent ? .silence : .drip) : .status(200) }
    // On a busy machine a good answer may come too late as well, so there are many tries.
    let figures = try notifier(server.url, timeout: .milliseconds(300), retries: 50).notify(entry())
    #expect(figures.isDelivered && figures.attempts > 1)
  }

  @Test func aClosedConnectionIsTriedAgain() throws {
    let server = try HTTPServer { _, number in number == 1 ? .hangUp : .status(200) }
    #expect(try notifier(server.url).notify(entry()).attempts == 2)
  }

  @Test func awayAndBackAgain() throws {
    let server = try HTTPServer { _, _ in .status(200) }
    let time = Mutex(ContinuousClock.now)
    let breaker = CircuitBreaker(threshold: 2, pause: .seconds(30), now: { time.withLock { $0 } })
    let notifier = try notifier(server.url, retries: 1, breaker: breaker)
    server.close()
    #expect(try notifier.notify(entry("a")).attempts == 2)
    #expect(try notifier.notify(entry("b")).attempts == 2)
    try server.open()
    let spared = try notifier.notify(entry("c"))
    #expect(spared.attempts == 0 && spared.isPending && !spared.isDelivered)
    time.withLock { $0 += .seconds(31) }
    #expect(try notifier.notify(entry("d")).isDelivered)
    #expect(
      outbox.kinds == [
        "pending a", "failed a after 2", "pending b", "failed b after 2", "pending c", "pending d", "delivered d",
      ])
  }

  @Test func anOutboxThatRefusesDoesNotKeepItFromBeingSent() throws {
    let server = try HTTPServer { _, _ in .status(200) }
    let figures = try notifier(server.url, outbox: MemoryOutbox(refuses: true)).notify(entry())
    #expect(figures.isDelivered && !figures.isPending)
    #expect(warnings.all == ["a notification could not be stored in the outbox: the disk is full"])
  }

  /// Also whoever is not stored is told of: what waits in no outbox is not pending.
  @Test(arguments: [true, false]) func beforeEachTryIsToldWhatHoldsIfItIsTheLast(_ isStored: Bool) throws {
    let server = try HTTPServer { _, number in .status(number < 3 ? 503 : 200) }
    var told: [NotificationFigures] = []
    let figures = try notifier(server.url, outbox: MemoryOutbox(refuses: !isStored)).notify(
      entry(), onTry: { told.append($0) })
    #expect(figures.attempts == 3 && told.map(\.attempts) == [1, 2, 3])
    #expect(told.allSatisfy { $0.isPending == isStored && !$0.isDelivered })
  }

  @Test func aHurriedOneIsTriedOnce() throws {
    let server = try HTTPServer { _, _ in .status(500) }
    #expect(try notifier(server.url).notify(entry(), isHurried: { true }).attempts == 1)
  }

  @Test func nothingSecretIsSaid() throws {
    let url = "http://canary:canary@127.0.0.1:1/canary?canary=canary#canary"
    let figures = try notifier(url, headers: [("X-Token", "canary")], retries: 0).notify(entry())
    #expect(figures.error?.isEmpty == false)
    #expect(warnings.all.count == 1)
    #expect(!"\(figures) \(warnings.all)".contains("canary"))
    for (bad, header) in [("canary", "x"), ("http://canary@/canary", "x"), ("http://h/canary", "canary\n")] {
      let error = #expect(throws: QuarryError.self) { try notifier(bad, headers: [("X-T", header)]) }
      #expect(error.map { !$0.description.contains("canary") } == true)
    }
  }

  @Test func aDrainSendsTheOldestFirstAndGivesUpOnWhoIsAway() throws {
    let server = try HTTPServer { request, _ in .status(request.body.contains("no") ? 410 : 200) }
    let (outbox, warnings) = (outbox, warnings)
    func drain() throws -> OutboxDrain {
      OutboxDrain(
        adapter: try WebhookAdapter(url: server.url, headers: [], timeout: .seconds(30)), retries: 0, outbox: outbox,
        warn: { warnings.add($0) }, sleep: { _ in })
    }
    let entries = try [
      entry("a"), entry("b", adapter: "redis"), entry("c", json: #"{"no":1}"#), entry("d"), entry("e"),
    ]
    let results = try drain().send(entries, limit: 3)
    #expect(results.map(\.entry.notificationID) == ["a", "c", "d", "b"])
    #expect(results.map(\.state) == [.delivered, .refused, .delivered, .skipped])
    #expect(outbox.kinds == ["delivered a", "refused c after 1", "delivered d"])
    server.close()
    let states = try drain().send((1...5).map { try entry("\($0)") }).map(\.state)
    #expect(states == [.failed, .failed, .failed, .skipped, .skipped])
  }
}
