import S3Client
import Synchronization
import TestSupport
import TestTraits
import Testing

/// Every operation against both servers, with nothing in between.
@Suite(.ownThread) struct ObjectTests {
  private static let keys = [
    "plain", "with space/ü€😀/+&=?#%25;:@!*'()~$,", "dots/..hidden/.x", String(repeating: "long", count: 60),
    "<tag>&amp;\"quotes\"",
  ]

  @Test(arguments: S3Server.allCases, keys) func anObjectComesBackAsItWas(_ server: S3Server, _ name: String) throws {
    let (client, key, content) = (try server.client(), freshKey(name), noise(100_000))
    let etag = try client.put(key, content, contentType: "text/x-test")
    let object = try client.get(key)
    #expect(object.bytes == content)
    #expect(object.info.etag == etag && object.info.size == content.count)
    #expect(object.info.contentType == "text/x-test")
    #expect(try client.head(key) == object.info)
    try client.delete(key)
    #expect(throws: S3Error.self) { try client.get(key) }
    try client.delete(key)
  }

  @Test(arguments: S3Server.allCases) func anEmptyObjectIsAnObject(_ server: S3Server) throws {
    let (client, key) = (try server.client(), freshKey())
    try client.put(key, [])
    #expect(try client.get(key).bytes.isEmpty && client.head(key).size == 0)
  }

  @Test(arguments: S3Server.allCases) func whatIsNotThereIsNamed(_ server: S3Server) throws {
    let (client, key) = (try server.client(), freshKey())
    let got = #expect(throws: S3Error.self) { try client.get(key) }
    #expect(got?.kind == .noSuchKey && got?.code == "NoSuchKey" && got?.status == 404)
    #expect(got?.operation == "get s3://quarry-tests/\(key)")
    #expect(#expect(throws: S3Error.self) { try client.head(key) }?.kind == .noSuchKey)
  }

  @Test func aMissingBucketIsNamed() throws {
    let client = try S3Server.moto.client { $0.bucket = "quarry-none" }
    #expect(#expect(throws: S3Error.self) { try client.put("a", []) }?.kind == .noSuchBucket)
    #expect(#expect(throws: S3Error.self) { try client.page() }?.kind == .noSuchBucket)
  }

  @Test(arguments: S3Server.allCases) func rangesAreCutAtTheEnd(_ server: S3Server) throws {
    let (client, key) = (try server.client(), freshKey())
    try client.put(key, bytes("0123456789"))
    #expect(try client.get(key, range: 2..<5).bytes == bytes("234"))
    #expect(try client.get(key, range: 8..<100).bytes == bytes("89"))
    #expect(try client.get(key, range: 0..<1).info.size == 10)
    for range in [10..<11, 3..<3] {
      #expect(#expect(throws: S3Error.self) { try client.get(key, range: range) }?.kind == .range)
    }
  }

  @Test(arguments: S3Server.allCases) func moreThanWantedIsRefused(_ server: S3Server) throws {
    let (client, key) = (try server.client(), freshKey())
    try client.put(key, bytes("0123456789"))
    #expect(try client.get(key, maximum: 10).bytes.count == 10)
    #expect(#expect(throws: S3Error.self) { try client.get(key, maximum: 9) }?.kind == .refused)
  }

  @Test(arguments: S3Server.allCases) func aReaderMayStop(_ server: S3Server) throws {
    let (client, key) = (try server.client(), freshKey())
    try client.put(key, noise(4 << 20))
    var count = 0
    let info = try client.read(key) { piece in
      count += piece.count
      return false
    }
    #expect(count > 0 && count < 4 << 20 && info.size == 4 << 20)
  }

  @Test(arguments: S3Server.allCases) func listingsHavePagesFoldersAndAStart(_ server: S3Server) throws {
    let (client, prefix) = (try server.client(), freshKey(""))
    let names = ["a b", "a/1", "a/2", "b&<c>/1", "c+ü", "d"]
    for name in names { try client.put(prefix + name, bytes(name)) }
    var pages: [[String]] = []
    var token: String?
    repeat {
      let page = try client.page(prefix: prefix, from: token, count: 4)
      pages.append(page.entries.map { String($0.key.dropFirst(prefix.count)) })
      token = page.next
    } while token != nil
    #expect(pages.map(\.count) == [4, 2] && pages.joined().sorted() == names)

    let folders = try client.page(prefix: prefix, delimiter: "/")
    #expect(folders.folders == ["a/", "b&<c>/"].map { prefix + $0 })
    #expect(folders.entries.map(\.key) == ["a b", "c+ü", "d"].map { prefix + $0 })
    let entry = try #require(folders.entries.first)
    #expect(entry.size == 3)
    #expect(try entry.etag == client.head(entry.key).etag)
    #expect(abs(entry.modified - S3Clock.system.now()) < 600)

    #expect(try client.page(prefix: prefix, after: prefix + "b&<c>/1").entries.count == 2)
    #expect(try client.page(prefix: prefix + "none").entries.isEmpty)
    var seen = 0
    try client.list(prefix: prefix) { page in
      seen += page.entries.count
      return true
    }
    #expect(seen == names.count)
  }

  @Test(arguments: S3Server.allCases) func manyAreDeletedAtOnce(_ server: S3Server) throws {
    let (client, prefix) = (try server.client(), freshKey(""))
    let keys = (0..<12).map { "\(prefix)<\($0)>&" }
    for key in keys { try client.put(key, bytes("x")) }
    try client.delete(Array(keys[..<10]) + [prefix + "none"])
    #expect(try client.page(prefix: prefix).entries.map(\.key) == Array(keys[10...]).sorted())
  }

  @Test(arguments: S3Server.allCases) func conditionsDecideWhoWrites(_ server: S3Server) throws {
    let (client, key) = (try server.client(), freshKey())
    let first = try client.put(key, bytes("1"), if: .absent)
    func refused(_ condition: S3Condition, _ key: String) -> S3Error.Kind? {
      #expect(throws: S3Error.self) { try client.put(key, bytes("no"), if: condition) }?.kind
    }
    #expect(refused(.absent, key) == .conditionFailed)
    let second = try client.put(key, bytes("2"), if: .matches(first))
    #expect(second != first)
    #expect(refused(.matches(first), key) == .conditionFailed)
    #expect(refused(.matches(first), freshKey()) == .conditionFailed)
    #expect(try client.get(key).bytes == bytes("2"))
  }

  /// The pointer of a dataset stands on this. SeaweedFS lets a writer wait a second for each one before it.
  @Test func ofManyWritersExactlyOneWins() throws {
    let client = try S3Server.seaweedFS.client()
    for _ in 0..<3 {
      let key = freshKey()
      let winners = Mutex<[Int]>([])
      onThreads(3) { number in
        do throws(S3Error) {
          try client.put(key, bytes("\(number)"), if: .absent)
          winners.withLock { $0.append(number) }
        } catch {
          if error.kind != .conditionFailed { Issue.record(error) }
        }
      }
      #expect(winners.withLock { $0 }.map { bytes("\($0)") } == [try client.get(key).bytes])
    }
  }

  @Test func aWrongSecretIsSaidToBeThat() throws {
    let wrong = S3Credentials(accessKey: S3Server.accessKey, secretKey: "canary-secret", source: "the tests")
    let upstream = try S3Server.seaweedFS.upstream()
    let client = try S3Client.of("http://\(upstream.address):\(upstream.port)", credentials: .fixed(wrong))
    for work in [{ _ = try client.get("a") }, { _ = try client.head("a") }, { try client.put("a", [1]) }] {
      let error = #expect(throws: S3Error.self) { try work() }
      #expect(error?.kind == .credentials && error?.description.contains("canary") == false)
    }
  }

  /// The store closes the connection without having read the body: its reason must arrive all the same.
  @Test func whatIsRefusedIsNotSent() throws {
    let wrong = S3Credentials(accessKey: S3Server.accessKey, secretKey: "canary-secret", source: "the tests")
    let upstream = try S3Server.seaweedFS.upstream()
    let clock = FastClock()
    let client = try S3Client.of(
      "http://\(upstream.address):\(upstream.port)", clock: clock.clock(), credentials: .fixed(wrong))
    let body = noise(64 << 20)
    for _ in 0..<5 {
      #expect(#expect(throws: S3Error.self) { try client.put("a", body) }?.kind == .credentials)
    }
    #expect(clock.pauses.isEmpty)
  }

  @Test func overTLSTheCertificateCounts() throws {
    let (url, certificate) = try S3Server.secure()
    let key = freshKey()
    let trusting = try S3Client.of(url, environment: ["AWS_CA_BUNDLE": certificate])
    try trusting.put(key, bytes("x"))
    #expect(try trusting.get(key).bytes == bytes("x"))
    let clock = FastClock()
    let error = #expect(throws: S3Error.self) { try S3Client.of(url, clock: clock.clock()).get(key) }
    #expect(error?.kind == .untrusted && error?.reason.contains("certificate") == true)
    // Trying again would not change it.
    #expect(clock.pauses.isEmpty)
  }

  @Test func aBucketMayStandInTheHostsName() throws {
    let proxy = try S3Server.seaweedFS.proxy { _, _ in nil }
    let client = try S3Client.of("http://localhost:\(proxy.port)") { $0.style = .virtualHost }
    let key = freshKey()
    try client.put(key, bytes("x"))
    #expect(try client.get(key).bytes == bytes("x"))
    #expect(proxy.requests.allSatisfy { $0.headers["host"] == "quarry-tests.localhost:\(proxy.port)" })
    #expect(proxy.requests.first?.line == "PUT /\(key) HTTP/1.1")
  }

  @Test(arguments: S3Server.allCases) func aStoreThatHonoursConditionsIsKnown(_ server: S3Server) throws {
    let (client, prefix) = (try server.client(), freshKey(""))
    #expect(try client.probeConditions(prefix: prefix) == S3Conditions(honoursAbsent: true, honoursMatch: true))
    #expect(try client.page(prefix: prefix).entries.isEmpty)
  }

  @Test(arguments: [
    (["if-none-match"], S3Conditions(honoursAbsent: false, honoursMatch: true)),
    (["if-match"], S3Conditions(honoursAbsent: true, honoursMatch: false)),
    (["if-match", "if-none-match"], S3Conditions(honoursAbsent: false, honoursMatch: false)),
  ])
  func aStoreThatIgnoresConditionsIsKnown(_ ignored: [String], _ expected: S3Conditions) throws {
    let upstream = try S3Server.moto.upstream()
    let proxy = try HTTPServer { _, _ in .relay(to: upstream, without: Set(ignored)) }
    let client = try S3Server.moto.client(through: proxy)
    #expect(try client.probeConditions(prefix: freshKey("")) == expected)
  }

  @Test func aStoreThatRefusesTheHeaderIsKnown() throws {
    let proxy = try S3Server.moto.proxy { request, _ in
      guard request.headers["if-none-match"] != nil || request.headers["if-match"] != nil else { return nil }
      return .status(501, body: "<Error><Code>NotImplemented</Code></Error>")
    }
    let conditions = try S3Server.moto.client(through: proxy).probeConditions()
    #expect(conditions == S3Conditions(honoursAbsent: false, honoursMatch: false))
  }
}
