import S3Client
import Synchronization
import TestSupport
import TestTraits
import Testing

/// A real store behind a way to it that loses, cuts, refuses and stalls.
@Suite(.ownThread) struct FaultTests {
  private static let slowDown = HTTPServer.Answer.status(
    503, body: "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")

  @Test(arguments: S3Server.allCases) func whatMayPassIsTriedAgain(_ server: S3Server) throws {
    let faults: [HTTPServer.Answer?] = [
      Self.slowDown, .status(500, body: ""), .hangUp, .status(429, body: ""),
      .status(409, body: "<Error><Code>ConditionalRequestConflict</Code></Error>"),
      .status(400, body: "<Error><Code>RequestTimeout</Code></Error>"), .status(502, body: "<html>"), nil,
    ]
    let proxy = try server.proxy { _, number in number <= faults.count ? faults[number - 1] : nil }
    let clock = FastClock()
    let client = try server.client(through: proxy, clock: clock.clock())
    let key = freshKey()
    try client.put(key, bytes("x"))
    #expect(try client.get(key).bytes == bytes("x"))
    #expect(clock.pauses.map { $0 / .milliseconds(100) } == [1, 2, 4, 8, 16, 32, 64])
  }

  @Test func pausesAreSpreadAndBounded() throws {
    let proxy = try HTTPServer { _, _ in Self.slowDown }
    for chance in [0, 0.25, 1] {
      let clock = FastClock()
      let client = try S3Client.of(proxy.url, clock: clock.clock(chance: chance)) {
        $0.backoff.longest = .seconds(1)
        $0.backoff.tries = 6
      }
      let error = #expect(throws: S3Error.self) { try client.put("a", []) }
      #expect(error?.kind == .unavailable && error?.code == "SlowDown")
      #expect(error?.reason.hasSuffix("Please reduce your request rate. (503) (after 6 tries)") == true)
      #expect(clock.pauses == [100, 200, 400, 800, 1_000].map { Duration.milliseconds($0) * chance })
    }
  }

  @Test func theStoreMaySayHowLong() throws {
    let proxy = try HTTPServer { _, number in
      number < 3
        ? .status(503, headers: ["Retry-After: \(number == 1 ? 3 : 1_000)"]) : .status(200, headers: ["ETag: \"e\""])
    }
    let clock = FastClock()
    try S3Client.of(proxy.url, clock: clock.clock()).put("a", [])
    #expect(clock.pauses == [.seconds(3), .seconds(10)])
  }

  @Test func timeEndsTheTries() throws {
    let proxy = try HTTPServer { _, _ in Self.slowDown }
    let clock = FastClock()
    let client = try S3Client.of(proxy.url, clock: clock.clock()) { $0.backoff.tries = 1_000 }
    #expect(throws: S3Error.self) { try client.put("a", [], within: .seconds(25)) }
    let waited = clock.pauses.reduce(.zero, +)
    #expect(waited > .seconds(12) && waited < .seconds(25))
  }

  @Test func aStoreThatIsAwayIsWaitedFor() throws {
    let proxy = try S3Server.moto.proxy { _, _ in nil }
    proxy.close()
    let pauses = Mutex(0)
    let clock = S3Clock(
      now: S3Clock.system.now, uptime: S3Clock.system.uptime,
      sleep: { _ in
        let count = pauses.withLock { count in
          count += 1
          return count
        }
        if count == 3 { #expect(throws: Never.self) { try proxy.open() } }
      }, random: { 1 })
    let key = freshKey()
    try S3Server.moto.client(through: proxy, clock: clock).put(key, bytes("x"))
    #expect(pauses.withLock { $0 } == 3)
  }

  /// Once a minute at most, and not of what is over soon.
  @Test func whoeverWaitsForLongHearsOfIt() throws {
    func told(tries: Int, limit: Duration) throws -> [String] {
      let proxy = try HTTPServer { _, number in
        number < tries ? Self.slowDown : .status(200, headers: ["ETag: \"e\""])
      }
      let said = Mutex<[String]>([])
      let waited = Mutex(Duration.zero)
      let clock = S3Clock(
        now: S3Clock.system.now, uptime: { waited.withLock { $0 } }, sleep: { time in waited.withLock { $0 += time } },
        random: { 1 })
      let client = try S3Client.of(proxy.url, clock: clock) {
        $0.backoff.tries = 1_000
        $0.onWait = { text in said.withLock { $0.append(text) } }
      }
      try client.put("a", [], within: limit)
      #expect(said.withLock { $0 }.allSatisfy { $0.hasPrefix("waiting for the store \(proxy.url): SlowDown") })
      return said.withLock { $0 }
    }
    #expect(try told(tries: 3, limit: .seconds(600)).count == 0)
    #expect(try told(tries: 8, limit: .seconds(600)).count == 1)
    #expect(try told(tries: 20, limit: .seconds(100_000)).count == 2)
  }

  @Test func silenceIsBrokenOff() throws {
    let proxy = try S3Server.seaweedFS.proxy { _, number in number == 1 ? .silence : nil }
    let client = try S3Server.seaweedFS.client(through: proxy, clock: FastClock().clock()) {
      $0.stallLimit = .seconds(1)
    }
    try client.put(freshKey(), bytes("x"))
    #expect(proxy.requests.count == 2)
  }

  // MARK: Writes whose answers are lost

  @Test(arguments: S3Server.allCases, [nil, S3Condition.absent])
  func aLostAnswerIsNoConflict(_ server: S3Server, _ condition: S3Condition?) throws {
    let upstream = try server.upstream()
    let proxy = try HTTPServer { _, number in .relay(to: upstream, number < 3 ? .lost : .whole) }
    let client = try server.client(through: proxy, clock: FastClock().clock())
    let key = freshKey()
    let etag = try client.put(key, bytes("mine"), if: condition)
    let object = try server.client().get(key)
    #expect(object.bytes == bytes("mine") && object.info.etag == etag)
    #expect(proxy.requests.count == (condition == nil ? 3 : 4))
  }

  @Test(arguments: S3Server.allCases) func aLostAnswerToAReplacementIsNoConflict(_ server: S3Server) throws {
    let upstream = try server.upstream()
    let proxy = try HTTPServer { _, number in .relay(to: upstream, number == 1 ? .lost : .whole) }
    let (client, direct, key) = (
      try server.client(through: proxy, clock: FastClock().clock()), try server.client(), freshKey()
    )
    let first = try direct.put(key, bytes("1"))
    // The same content again: an ETag would not tell whose it is.
    let etag = try client.put(key, bytes("1"), if: .matches(first))
    #expect(try direct.head(key).etag == etag)
  }

  /// A store may keep what had come of it.
  @Test(arguments: S3Server.allCases, [0, 2]) func aWriteThatBreaksOffIsDoneAgain(_ server: S3Server, _ count: Int)
    throws
  {
    let (upstream, direct, key) = (try server.upstream(), try server.client(), freshKey())
    func put(_ text: String, if condition: S3Condition) throws -> String {
      let proxy = try HTTPServer { _, number in .relay(to: upstream, number == 1 ? .broken(after: count) : .whole) }
      return try server.client(through: proxy, clock: FastClock().clock()).put(key, bytes(text), if: condition)
    }
    let first = try put("mine", if: .absent)
    #expect(try direct.get(key).bytes == bytes("mine") && direct.head(key).etag == first)
    let second = try put("my own", if: .matches(first))
    #expect(try direct.get(key).bytes == bytes("my own") && direct.head(key).etag == second)
    #expect(throws: S3Error.self) { try put("another", if: .absent) }
    #expect(try direct.get(key).bytes == bytes("my own"))
  }

  /// As a proxy does that sends a write a second time.
  @Test(arguments: S3Server.allCases) func aRefusalOfWhatWasDoneIsNoConflict(_ server: S3Server) throws {
    let upstream = try server.upstream()
    let refusal = Array("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n".utf8)
    let proxy = try HTTPServer { _, number in
      .relay(to: upstream, number == 1 ? .changed { _ in refusal } : .whole)
    }
    let (client, key) = (try server.client(through: proxy, clock: FastClock().clock()), freshKey())
    let etag = try client.put(key, bytes("mine"), if: .absent, looks: true)
    #expect(try server.client().head(key).etag == etag)
    let error = #expect(throws: S3Error.self) { try client.put(key, bytes("mine"), if: .absent, looks: true) }
    #expect(error?.kind == .conditionFailed)
  }

  /// Another writer came in between: nobody may say that this write has been there, or that it has not.
  @Test(arguments: S3Server.allCases) func aLostAnswerBeforeAnothersWriteIsUncertain(_ server: S3Server) throws {
    let (direct, key) = (try server.client(), freshKey())
    let proxy = try server.proxy { _, number in
      guard number == 1 else { return nil }
      #expect(throws: Never.self) { try direct.put(key, bytes("another's")) }
      return .hangUp
    }
    let client = try server.client(through: proxy, clock: FastClock().clock())
    let error = #expect(throws: S3Error.self) { try client.put(key, bytes("mine"), if: .absent) }
    #expect(error?.kind == .uncertain && error?.reason.hasSuffix("the object is another's now") == true)
    #expect(try direct.get(key).bytes == bytes("another's"))
  }

  @Test func aWayThatLosesEveryAnswerLeavesItUncertain() throws {
    let upstream = try S3Server.moto.upstream()
    let proxy = try HTTPServer { request, _ in .relay(to: upstream, request.line.hasPrefix("PUT") ? .lost : .whole) }
    let client = try S3Server.moto.client(through: proxy, clock: FastClock().clock())
    let key = freshKey()
    // Its first try has it, and the second says so.
    let found = #expect(throws: S3Error.self) { try client.put(key, bytes("mine"), if: .absent) }
    #expect(found?.kind == .uncertain)
    let plain = #expect(throws: S3Error.self) { try client.put(freshKey(), bytes("mine")) }
    #expect(plain?.kind == .unavailable)
  }

  /// A name that is wrong is told soon, and with the address; a store that has answered is waited for.
  @Test func whoWasNeverReachedIsNotAskedForLong() throws {
    let clock = FastClock()
    let proxy = try S3Server.moto.proxy { _, _ in nil }
    let client = try S3Server.moto.client(through: proxy, clock: clock.clock()) { $0.firstTries = 4 }
    proxy.close()
    let error = #expect(throws: S3Error.self) { try client.get("a") }
    #expect(error?.kind == .unavailable && clock.pauses.count == 3)
    #expect(error?.reason.hasSuffix(", on the way to \(proxy.url) (after 4 tries)") == true)
    try proxy.open()
    #expect(#expect(throws: S3Error.self) { try client.get(freshKey()) }?.kind == .noSuchKey)
    proxy.close()
    #expect(throws: S3Error.self) { try client.get("a") }
    #expect(clock.pauses.count == 3 + client.configuration.backoff.tries - 1)
  }

  /// Of a store that refuses one object after the other only the first ones cost all that can be waited, until one comes
  /// that it refused at first; and what is written, or too much at once, is tried as ever.
  @Test func manyThatAreRefusedAreNotEachWaitedFor() throws {
    let answers = Mutex([String: [Int]]())
    let proxy = try HTTPServer { request, _ in
      let key = request.line.split(separator: " ")[1].split(separator: "/").last.map(String.init) ?? ""
      let status = answers.withLock { answers in
        guard let left = answers[key], let next = left.first else { return 500 }
        answers[key] = Array(left.dropFirst())
        return next
      }
      return status == 200
        ? .status(200, headers: ["ETag: \"e\""])
        : .status(status, body: "<Error><Code>\(status == 503 ? "SlowDown" : "InternalError")</Code></Error>")
    }
    let said = Mutex<[String]>([])
    let clock = FastClock()
    let client = try S3Client.of(proxy.url, clock: clock.clock()) {
      $0.firstTries = 4
      $0.onWait = { text in said.withLock { $0.append(text) } }
    }
    let all = client.configuration.backoff.tries
    func tries(_ work: () throws(S3Error) -> Void) -> Int {
      let before = proxy.requests.count
      do { try work() } catch {}
      return proxy.requests.count - before
    }
    func read(_ key: String) -> Int {
      tries { () throws(S3Error) in
        do throws(S3Error) { _ = try client.get(key) } catch {
          if error.kind == .unavailable { _ = client.giveUp(on: key, error) }
          throw error
        }
      }
    }
    func refusals() -> [String] { said.withLock { $0.filter { !$0.hasPrefix("waiting") } } }
    #expect((0..<6).map { read("a\($0)") } == [all, all, all, 4, 4, 4])
    #expect(
      refusals() == [
        "the store \(proxy.url) has refused 3 objects to the end of all tries, so that others which it refuses are asked "
          + "for 4 times from now on"
      ])
    #expect(tries { () throws(S3Error) in _ = try client.put("w", []) } == all)
    answers.withLock { $0["busy"] = Array(repeating: 503, count: 99) }
    #expect(read("busy") == all)
    answers.withLock { $0["there"] = [200] }
    #expect([read("there"), read("b0")] == [1, 4])
    answers.withLock { $0["late"] = [500, 200] }
    #expect([read("late"), read("b1")] == [2, all])
    // What was given up is no longer, once it came.
    answers.withLock { $0["a0"] = [200] }
    #expect([read("a0"), read("c0"), read("c1"), read("c2"), read("c3")] == [1, all, all, all, 4])
    #expect(refusals().count == 2)
  }

  @Test func aConflictThatNobodyDoubtsCostsNoMore() throws {
    let proxy = try S3Server.moto.proxy { _, _ in nil }
    let (client, key) = (try S3Server.moto.client(through: proxy), freshKey())
    try client.put(key, bytes("1"))
    #expect(#expect(throws: S3Error.self) { try client.put(key, bytes("2"), if: .absent) }?.kind == .conditionFailed)
    #expect(proxy.requests.count == 2)
  }

  @Test func aWriteThatWasThrottledHasNotHappened() throws {
    let proxy = try S3Server.moto.proxy { _, number in number == 2 ? Self.slowDown : nil }
    let (client, key) = (try S3Server.moto.client(through: proxy, clock: FastClock().clock()), freshKey())
    try client.put(key, bytes("1"))
    #expect(#expect(throws: S3Error.self) { try client.put(key, bytes("2"), if: .absent) }?.kind == .conditionFailed)
    #expect(proxy.requests.count == 3)
  }

  // MARK: Reads that are cut

  @Test(arguments: S3Server.allCases) func aCutReadGoesOnWhereItWas(_ server: S3Server) throws {
    let upstream = try server.upstream()
    let cuts = [1, 70_000, 0, 300_000, 50]
    let proxy = try HTTPServer { _, number in
      .relay(to: upstream, number <= cuts.count ? .cut(after: cuts[number - 1]) : .whole)
    }
    let (key, content) = (freshKey(), noise(1 << 20))
    try server.client().put(key, content)
    let client = try server.client(through: proxy, clock: FastClock().clock())
    let object = try client.get(key)
    #expect(object.bytes == content && object.info.size == content.count)
    #expect(proxy.requests.count == cuts.count + 1)
    #expect(proxy.requests.last?.headers["range"] == "bytes=370051-")
    #expect(proxy.requests.last?.headers["if-match"] == object.info.etag)
  }

  @Test(arguments: S3Server.allCases) func anAnswerThatEndsInItsHeadersIsALostOne(_ server: S3Server) throws {
    let upstream = try server.upstream()
    let cuts = [5, 14, 17, 40, 60, 80]
    let proxy = try HTTPServer { _, number in
      .relay(to: upstream, number <= cuts.count ? .changed { Array($0.prefix(cuts[number - 1])) } : .whole)
    }
    let key = freshKey()
    try server.client().put(key, bytes("all of it"))
    let object = try server.client(through: proxy, clock: FastClock().clock()).get(key)
    #expect(object.bytes == bytes("all of it") && !object.info.etag.isEmpty)
    #expect(proxy.requests.count == cuts.count + 1)
  }

  @Test func whatWasReadWithoutAnETagIsNotWrittenOver() throws {
    let upstream = try S3Server.seaweedFS.upstream()
    let proxy = try HTTPServer { request, _ in
      .relay(to: upstream, request.line.hasPrefix("GET ") ? .header("etag") { _ in nil } : .whole)
    }
    let (direct, key) = (try S3Server.seaweedFS.client(), freshKey())
    try direct.put(key, bytes("another's"))
    let client = try S3Server.seaweedFS.client(through: proxy, clock: FastClock().clock())
    let etag = try client.get(key).info.etag
    let error = #expect(throws: S3Error.self) { try client.put(key, bytes("mine"), if: S3Condition.matches(etag)) }
    #expect(error?.kind == .malformed && error?.reason.contains("without an ETag") == true)
    #expect(try direct.get(key).bytes == bytes("another's"))
  }

  @Test func aWeakenedETagIsTheStoresOwn() throws {
    let upstream = try S3Server.seaweedFS.upstream()
    let proxy = try HTTPServer { request, _ in
      .relay(to: upstream, request.line.hasPrefix("GET ") ? .header("etag") { "ETag: W/\($0.dropFirst(6))" } : .whole)
    }
    let (client, key) = (try S3Server.seaweedFS.client(through: proxy, clock: FastClock().clock()), freshKey())
    try client.put(key, bytes("1"))
    try client.put(key, bytes("2"), if: S3Condition.matches(client.get(key).info.etag))
    #expect(try S3Server.seaweedFS.client().get(key).bytes == bytes("2"))
  }

  @Test func aCutRangeGoesOnWithinIt() throws {
    let upstream = try S3Server.seaweedFS.upstream()
    let proxy = try HTTPServer { _, number in .relay(to: upstream, number == 1 ? .cut(after: 100) : .whole) }
    let (key, content) = (freshKey(), noise(100_000))
    try S3Server.seaweedFS.client().put(key, content)
    let client = try S3Server.seaweedFS.client(through: proxy, clock: FastClock().clock())
    #expect(try client.get(key, range: 1_000..<90_000).bytes == Array(content[1_000..<90_000]))
    #expect(proxy.requests.last?.headers["range"] == "bytes=1100-89999")
  }

  /// A way that breaks for ever, but always a little later, is no failure.
  @Test func progressStartsTheTriesAnew() throws {
    let upstream = try S3Server.seaweedFS.upstream()
    let proxy = try HTTPServer { _, _ in .relay(to: upstream, .cut(after: 1_000)) }
    let (key, content) = (freshKey(), noise(30_000))
    try S3Server.seaweedFS.client().put(key, content)
    let client = try S3Server.seaweedFS.client(through: proxy, clock: FastClock().clock()) { $0.backoff.tries = 2 }
    #expect(try client.get(key).bytes == content)
  }

  @Test(arguments: S3Server.allCases) func halvesOfTwoObjectsAreNeverJoined(_ server: S3Server) throws {
    let (upstream, direct, key) = (try server.upstream(), try server.client(), freshKey())
    try direct.put(key, noise(100_000))
    let proxy = try HTTPServer { _, number in
      if number == 2 { #expect(throws: Never.self) { try direct.put(key, noise(100_000)) } }
      return .relay(to: upstream, number == 1 ? .cut(after: 40_000) : .whole)
    }
    let client = try server.client(through: proxy, clock: FastClock().clock())
    #expect(#expect(throws: S3Error.self) { try client.get(key) }?.kind == .conditionFailed)
  }

  @Test func aStoreThatIgnoresRangesIsNotBelieved() throws {
    let upstream = try S3Server.moto.upstream()
    let proxy = try HTTPServer { _, number in
      .relay(to: upstream, number == 1 ? .cut(after: 10) : .whole, without: ["range"])
    }
    let key = freshKey()
    try S3Server.moto.client().put(key, noise(1_000))
    let client = try S3Server.moto.client(through: proxy, clock: FastClock().clock())
    #expect(#expect(throws: S3Error.self) { try client.get(key) }?.kind == .malformed)
    let (ranged, seen) = read(client, key, 0..<10)
    #expect(ranged?.kind == .malformed && seen == 0)
  }

  @Test func nothingBeyondTheRangeIsHandedOver() throws {
    let server = try HTTPServer { _, _ in
      .status(206, headers: ["Content-Range: bytes 5-9/30", "ETag: \"e\""], body: "0123456789")
    }
    let (error, seen) = read(try S3Client.of(server.url), "a", 5..<10)
    #expect(error?.kind == .malformed && seen <= 5)
  }

  /// What a store leaves unsaid is not taken for nothing.
  @Test func anAnswerThatSaysNotHowLongTheWholeIsIsNotEmpty() throws {
    func get(_ range: String, _ body: String) throws -> S3Object {
      let server = try HTTPServer { _, _ in
        .status(206, headers: ["Content-Range: \(range)", "ETag: \"e\""], body: body)
      }
      return try withExtendedLifetime(server) { try S3Client.of(server.url).get("a", range: 0..<10) }
    }
    let object = try get("bytes 0-3/*", "0123")
    #expect(object.bytes == bytes("0123") && object.info.size == nil)
    for (range, body) in [("bytes */10", "0123"), ("bytes */10", ""), ("bytes */", ""), ("bytes 0-3/10", "")] {
      #expect(#expect(throws: S3Error.self) { try get(range, body) }?.kind == .malformed, "\(range) with '\(body)'")
    }
  }

  @Test(arguments: S3Server.allCases) func theStoreTellsItsTime(_ server: S3Server) throws {
    let before = S3Clock.system.now()
    let time = try server.client().time()
    #expect((before - 1...S3Clock.system.now()).contains(time))
    let silent = try HTTPServer { _, _ in .status(200) }
    #expect(#expect(throws: S3Error.self) { try S3Client.of(silent.url).time() }?.kind == .malformed)
    #expect(silent.requests.count == 1)
  }

  /// - Returns: also how many bytes came before the error.
  private func read(_ client: S3Client, _ key: String, _ range: Range<Int>) -> (S3Error?, Int) {
    var seen = 0
    let error = #expect(throws: S3Error.self) {
      try client.read(key, range: range) { piece in
        seen += piece.count
        return true
      }
    }
    return (error, seen)
  }
}
