import Foundation
import S3Client
import Synchronization
import TestSupport
import TestTraits
import Testing

/// What stores say about regions, clocks and credentials, and what is made of it.
@Suite(.ownThread) struct RefusalTests {
  private static let success = HTTPServer.Answer.status(200, headers: ["ETag: \"e\""])

  private static func error(_ code: String, _ more: String = "") -> String {
    "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>words</Message>\(more)</Error>"
  }

  private func scopes(_ server: HTTPServer) -> [Substring?] {
    server.requests.map { $0.headers["authorization"]?.split(separator: "/").dropFirst(2).first }
  }

  // MARK: Regions

  @Test(arguments: [
    HTTPServer.Answer.status(
      301, headers: ["x-amz-bucket-region: eu-west-9"], body: error("PermanentRedirect")),
    .status(400, body: error("AuthorizationHeaderMalformed", "<Region>eu-west-9</Region>")),
  ])
  func theStoresWordForTheRegionCounts(_ refusal: HTTPServer.Answer) throws {
    let server = try HTTPServer { _, number in number == 1 ? refusal : Self.success }
    let client = try S3Client.of(server.url)
    try client.put("a", [])
    try client.put("a", [])
    #expect(scopes(server) == ["us-east-1", "eu-west-9", "eu-west-9"])
    #expect(client.region == "eu-west-9")
  }

  /// It would become part of the host's name.
  @Test(arguments: ["foreign.example", "a/b", "a@b", "a b"]) func whatIsNoRegionIsNotTaken(_ region: String) throws {
    for refusal in [
      HTTPServer.Answer.status(301, headers: ["x-amz-bucket-region: \(region)"], body: ""),
      .status(400, body: Self.error("AuthorizationHeaderMalformed", "<Region>\(region)</Region>")),
    ] {
      let server = try HTTPServer { _, _ in refusal }
      let client = try S3Client.of(server.url)
      #expect(#expect(throws: S3Error.self) { try client.put("a", []) }?.kind == .configuration)
      #expect(client.region == "us-east-1" && server.requests.count == 1)
    }
  }

  @Test func aHEADIsToldTheRegionByAHeader() throws {
    let server = try HTTPServer { _, number in
      number == 1 ? .status(301, headers: ["x-amz-bucket-region: eu-west-9"]) : Self.success
    }
    #expect(try S3Client.of(server.url).head("a").etag == "\"e\"")
    #expect(scopes(server) == ["us-east-1", "eu-west-9"])
  }

  /// The names below `localhost` are this machine's.
  @Test func aRedirectIsFollowedBelowTheSameHost() throws {
    let server = try HTTPServer { request, _ in
      let host = request.headers["host"] ?? ""
      guard host.hasPrefix("localhost:") else { return Self.success }
      return .status(307, headers: ["Location: http://elsewhere.\(host)/x"], body: Self.error("TemporaryRedirect"))
    }
    let client = try S3Client.of("http://localhost:\(server.port)")
    try client.put("a", bytes("body"))
    try client.put("b", bytes("body"))
    let line = { (key: String) in "PUT /quarry-tests/\(key) HTTP/1.1" }
    #expect(server.requests.map(\.line) == [line("a"), line("a"), line("b")])
    #expect(server.requests.map(\.body) == ["body", "body", "body"])
    #expect(server.requests.map { $0.headers["host"]?.hasPrefix("elsewhere.localhost:") } == [false, true, true])
  }

  @Test(arguments: ["http://foreign.example", "http://127.0.0.1.foreign.example", "http://127.0.0.1:1", "nonsense"])
  func aRedirectToSomebodyElseIsNot(_ location: String) throws {
    let server = try HTTPServer { _, _ in .status(307, headers: ["Location: \(location)/"], body: "") }
    let error = #expect(throws: S3Error.self) { try S3Client.of(server.url).put("a", []) }
    #expect(error?.kind == .configuration && server.requests.count == 1)
    let target = location == "nonsense" ? "the store answers 307" : "it leads to \(location), which is not followed"
    #expect(error?.reason.contains(target) == true, "\(String(describing: error))")
  }

  /// - Parameter endpoint: empty for AWS.
  /// - Returns: where requests go after the redirect.
  private func url(_ endpoint: String, to location: String) throws -> String {
    var configuration = S3Configuration(bucket: "quarry-tests")
    configuration.endpoint = endpoint.isEmpty ? nil : endpoint
    configuration.style = .path
    var place = try S3Place(configuration, S3Environment([:]))
    let before = place.url("k")
    let isNews = try place.learn(region: nil, location: S3Endpoint(location))
    #expect(isNews == (place.url("k") != before))
    return place.url("k")
  }

  @Test(arguments: [
    ("https://s3.example", "https://b.s3.example"), ("http://s3.example", "https://s3.example"),
    ("", "https://quarry-tests.s3-eu-west-1.amazonaws.com"), ("", "https://s3.eu-1.amazonaws.com"),
    ("", "https://quarry-tests.s3.dualstack.eu-1.amazonaws.com"),
  ])
  func aRedirectStaysWithTheStore(_ endpoint: String, _ location: String) throws {
    #expect(try url(endpoint, to: location).hasPrefix(location))
  }

  /// Credentials and bodies would go there: not out of TLS, to no other port, and of AWS only to S3.
  @Test(arguments: [
    ("https://s3.example", "http://s3.example"), ("https://s3.example", "https://s3.example:8443"),
    ("https://s3.example", "https://xs3.example"), ("", "http://s3.eu-1.amazonaws.com"),
    ("", "https://s3-of-mine-1.eu-1.elb.amazonaws.com"), ("", "https://mine.execute-api.eu-1.amazonaws.com"),
    ("", "https://s3.amazonaws.com.foreign.example"),
  ])
  func aRedirectAwayFromTheStoreIsNotFollowed(_ endpoint: String, _ location: String) throws {
    let host = endpoint.isEmpty ? "https://s3.us-east-1.amazonaws.com" : endpoint
    #expect(try url(endpoint, to: location) == "\(host)/quarry-tests/k")
  }

  @Test func storesThatContradictThemselvesEnd() throws {
    let server = try HTTPServer { _, number in
      .status(301, headers: ["x-amz-bucket-region: region-\(number)"], body: "")
    }
    #expect(throws: S3Error.self) { try S3Client.of(server.url).put("a", []) }
    #expect(server.requests.count == 4)
  }

  // MARK: Clocks

  /// The real store refuses what is signed an hour from now.
  @Test func aSkewedClockIsCorrected() throws {
    let proxy = try S3Server.seaweedFS.proxy { _, _ in nil }
    let clock = FastClock()
    clock.set(ahead: 3_600)
    let client = try S3Server.seaweedFS.client(through: proxy, clock: clock.clock())
    let key = freshKey()
    try client.put(key, bytes("x"))
    #expect(proxy.requests.count == 2)
    clock.set(ahead: -7_200)
    #expect(try client.head(key).size == 1)
    #expect(try client.get(key).bytes == bytes("x"))
    #expect(clock.pauses.isEmpty)
  }

  @Test func aStoreWithoutAClockIsNotTriedForEver() throws {
    let server = try HTTPServer { _, _ in .status(403, body: Self.error("RequestTimeTooSkewed")) }
    let error = #expect(throws: S3Error.self) { try S3Client.of(server.url).put("a", []) }
    #expect(error?.code == "RequestTimeTooSkewed" && server.requests.count == 1)
  }

  // MARK: Credentials

  @Test(arguments: ["ExpiredToken", "InvalidToken"]) func credentialsThatEndedAreFetchedAgain(_ code: String) throws {
    let server = try HTTPServer { request, _ in
      request.headers["x-amz-security-token"] == "token-2" ? Self.success : .status(400, body: Self.error(code))
    }
    let loads = Mutex(0)
    let source = CredentialSource("the tests") {
      let number = loads.withLock { count in
        count += 1
        return count
      }
      return S3Credentials(
        accessKey: "a", secretKey: "b", sessionToken: "token-\(number)", source: "the tests")
    }
    let client = try S3Client.of(server.url, credentials: source)
    try client.put("a", [])
    #expect(try client.head("a").etag == "\"e\"")
    #expect(server.requests.map { $0.headers["x-amz-security-token"] } == ["token-1", "token-2", "token-2"])
  }

  @Test func credentialsThatCannotBeRenewedAreNamed() throws {
    let server = try HTTPServer { _, _ in .status(400, body: Self.error("ExpiredToken")) }
    let error = #expect(throws: S3Error.self) { try S3Client.of(server.url).put("a", []) }
    #expect(error?.kind == .credentials && error?.reason.contains("credentials of the tests have ended") == true)
    #expect(server.requests.count == 1)
  }

  @Test(arguments: [
    ("AccessDenied", S3Error.Kind.accessDenied), ("SignatureDoesNotMatch", .credentials),
    ("InvalidAccessKeyId", .credentials), ("NoSuchBucket", .noSuchBucket),
  ])
  func refusalsHaveTheirNames(_ code: String, _ kind: S3Error.Kind) throws {
    let server = try HTTPServer { _, _ in
      .status(403, headers: ["x-amz-request-id: r-1"], body: Self.error(code))
    }
    let error = #expect(throws: S3Error.self) { try S3Client.of(server.url).put("a", []) }
    #expect(error?.kind == kind && server.requests.count == 1)
    let source = kind == .credentials ? ", asked with credentials of the tests" : ""
    #expect(error?.description == "cannot put s3://quarry-tests/a: \(code): words (403)\(source) (request r-1)")
  }

  /// Of a bucket it is told by its answer, be it a page or a refusal.
  @Test(arguments: [200, 400, 404, 405]) func whatIsNoStoreIsNamed(_ status: Int) throws {
    let server = try HTTPServer { _, _ in .status(status, body: "<!doctype html><p>Hello<br></html>") }
    let error = #expect(throws: S3Error.self) { try S3Client.of(server.url).page() }
    #expect(error?.kind == .malformed && error?.reason.contains(server.url) == true, "\(String(describing: error))")
  }

  @Test(arguments: ["", "<html>", "<Error>", "<!DOCTYPE x [<!ENTITY y 'z'>]><Error><Code>&y;</Code></Error>"])
  func bodiesThatAreNoErrorsLeaveTheStatus(_ body: String) throws {
    let server = try HTTPServer { _, _ in .status(403, body: body) }
    let error = #expect(throws: S3Error.self) { try S3Client.of(server.url).put("a", []) }
    #expect(error?.kind == .accessDenied && error?.reason == "the store answers 403")
  }

  /// Also where a message is cut in the middle of a secret.
  @Test(arguments: [0, 290, 296]) func nothingOfTheCredentialsIsEverShown(_ distance: Int) throws {
    let canaries = S3Credentials(
      accessKey: "canary-access", secretKey: "canary-secret", sessionToken: "canary-token", source: "the tests")
    let server = try HTTPServer { request, _ in
      // Real stores repeat what was signed.
      let echo =
        "\(String(repeating: "x", count: distance))canary-access canary-secret canary-token \(request.headers["x-amz-security-token"] ?? "")\u{1b}[31m"
      return .status(
        403, headers: ["x-amz-request-id: canary-access"],
        body: "<Error><Code>canary-secret</Code><Message>\(echo)</Message></Error>")
    }
    let client = try S3Client.of(server.url, credentials: .fixed(canaries))
    let error = #expect(throws: S3Error.self) { try client.put("a", []) }
    #expect(server.requests.first?.headers["x-amz-security-token"] == "canary-token")
    var dumped = ""
    for value in [canaries, error as Any, client.configuration] as [Any] {
      dump(value, to: &dumped)
      dumped += "\(value) \(String(reflecting: value))"
    }
    #expect(!dumped.contains("cana") && dumped.contains("***"))
  }

  @Test func batchesAreOfAThousandAndTellTheFirstRefusal() throws {
    let server = try HTTPServer { request, _ in
      guard request.line.hasPrefix("POST") else { return .status(204) }
      let isLast = request.body.contains("<Key>k1000</Key>")
      let refusal = "<Error><Key>k1000</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
      return .status(200, body: "<DeleteResult>\(isLast ? refusal : "")</DeleteResult>")
    }
    let keys = ["with \u{1} control"] + (0...1_000).map { "k\($0)" }
    let error = #expect(throws: S3Error.self) { try S3Client.of(server.url).delete(keys) }
    #expect(error?.kind == .accessDenied && error?.operation == "delete s3://quarry-tests/k1000")
    #expect(server.requests.map { $0.body.components(separatedBy: "<Object>").count - 1 } == [0, 1_000, 1])
    #expect(server.requests.first?.line == "DELETE /quarry-tests/with%20%01%20control HTTP/1.1")
    #expect(server.requests[1].headers["content-md5"]?.count == 24)
  }

  @Test func aKeyOfABatchThatMayPassIsTriedAgain() throws {
    let server = try HTTPServer { request, _ in
      guard request.line.hasPrefix("POST") else { return .status(204) }
      let errors =
        "<Error><Key>b</Key><Code>InternalError</Code></Error><Error><Key>c</Key><Code>NoSuchKey</Code></Error>"
      return .status(200, body: "<DeleteResult>\(errors)</DeleteResult>")
    }
    try S3Client.of(server.url).delete(["a", "b", "c"])
    #expect(server.requests.map(\.line) == ["POST /quarry-tests?delete= HTTP/1.1", "DELETE /quarry-tests/b HTTP/1.1"])
  }

  // MARK: Deleting many

  private func answering(_ errors: String) throws -> HTTPServer {
    try HTTPServer { request, _ in
      request.line.hasPrefix("POST") ? .status(200, body: "<DeleteResult>\(errors)</DeleteResult>") : .status(204)
    }
  }

  @Test(arguments: ["", "<Key/>", "<Key>other</Key>", "<Key>e\u{301}</Key>"], ["SlowDown", "InternalError"])
  func aKeyThatWasNotAskedForStays(_ key: String, _ code: String) throws {
    let server = try answering("<Error>\(key)<Code>\(code)</Code></Error>")
    let error = #expect(throws: S3Error.self) { try S3Client.of(server.url).delete(["a", "\u{e9}"]) }
    #expect(error?.kind == .malformed && error?.operation == "delete s3://quarry-tests")
    #expect(server.requests.map(\.line) == ["POST /quarry-tests?delete= HTTP/1.1"])
  }

  /// The bucket itself would be made or removed.
  @Test func anEmptyKeyIsNoObjects() throws {
    let server = try HTTPServer { _, _ in Self.success }
    let client = try S3Client.of(server.url) { $0.partSize = 1 }
    let works: [() throws -> Void] = [
      { try client.put("", []) }, { try client.put("", [], if: .absent) }, { _ = try client.get("") },
      { _ = try client.head("") }, { try client.delete("") }, { try client.delete([""]) },
      {
        let upload = S3Upload(client, "")
        try bytes("ab").withUnsafeBytes { try upload.write($0) }
      },
    ]
    for work in works { #expect(#expect(throws: S3Error.self) { try work() }?.kind == .refused) }
    #expect(server.requests.isEmpty)
  }

  @Test func aRefusedKeyKeepsNoOtherFromBeingTriedAgain() throws {
    let server = try answering(
      "<Error><Key>a</Key><Code>AccessDenied</Code></Error><Error><Key>b</Key><Code>SlowDown</Code></Error>")
    let error = #expect(throws: S3Error.self) { try S3Client.of(server.url).delete(["a", "b"]) }
    #expect(error?.kind == .accessDenied && error?.operation == "delete s3://quarry-tests/a")
    #expect(server.requests.last?.line == "DELETE /quarry-tests/b HTTP/1.1")
  }

  @Test func aSuccessMayTurnOutToBeAnError() throws {
    let server = try HTTPServer { _, number in
      .status(200, body: number == 1 ? Self.error("InternalError") : "<DeleteResult/>")
    }
    try S3Client.of(server.url, clock: FastClock().clock()).delete(["a"])
    #expect(server.requests.count == 2)
    let other = try HTTPServer { _, _ in .status(200, body: "<html/>") }
    #expect(#expect(throws: S3Error.self) { try S3Client.of(other.url).delete(["a"]) }?.kind == .malformed)
  }

  @Test func wordsAboutAKeyAreCleaned() throws {
    let canaries = S3Credentials(accessKey: "canary-access", secretKey: "canary-secret", source: "the tests")
    let server = try answering(
      "<Error><Key>k</Key><Code>Odd\u{1b}</Code><Message>canary-access\u{1b}[31m</Message></Error>")
    let error = #expect(throws: S3Error.self) {
      try S3Client.of(server.url, credentials: .fixed(canaries)).delete(["k"])
    }
    #expect(error?.reason == "Odd: *** [31m" && error?.code == "Odd")
  }

  // MARK: Listings

  @Test(arguments: [
    "<Other/>", "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>", "",
    "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    "<ListBucketResult><EncodingType>url</EncodingType><CommonPrefixes><Prefix>%zz</Prefix></CommonPrefixes></ListBucketResult>",
  ])
  func aListingThatCannotBeIsAnError(_ body: String) throws {
    let server = try HTTPServer { _, _ in .status(200, body: body) }
    #expect(#expect(throws: S3Error.self) { try S3Client.of(server.url).page() }?.kind == .malformed)
  }

  @Test func aListingThatGoesInCirclesEnds() throws {
    let server = try HTTPServer { _, _ in
      .status(
        200,
        body:
          "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>"
      )
    }
    let error = #expect(throws: S3Error.self) { try S3Client.of(server.url).list { _ in true } }
    #expect(error?.kind == .malformed && server.requests.count == 2)
  }
}
