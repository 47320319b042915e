import Glibc
import TestSupport
import Testing

import RedisClient

@Suite(.timeLimit(.minutes(5))) struct TLSTests {
  private let certificates: Certificates

  init() throws { certificates = try Certificates() }

  private func start(
    wantsCertificates: Bool = false, _ change: (inout RedisServer.Options) -> Void = { _ in }
  ) throws -> RedisServer {
    var options = RedisServer.Options()
    options.listensOnTCP = true
    options.certificates = certificates
    options.wantsClientCertificates = wantsCertificates
    change(&options)
    return try RedisServer.start(options)
  }

  private func refusal(_ url: String) async throws -> RedisError {
    let error = await #expect(throws: RedisError.self) {
      try await RedisConnection.connect(RedisEndpoint(url: url))
    }
    return try #require(error)
  }

  @Test func carriesEverythingThatAPlainConnectionDoes() async throws {
    let server = try start { $0.password = "se:cr@t" }
    for host in ["localhost", "127.0.0.1"] {
      let url = "rediss://:se%3acr%40t@\(host):\(server.port)/3?cacert=\(certificates.authority)"
      let redis = try await RedisConnection.connect(RedisEndpoint(url: url))
      let value = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      #expect(try await redis.send(["SET", "k", .bytes(value)], timeout: .seconds(60)).isOK)
      let replies = try await redis.pipeline((0..<8).map { _ in ["GET", "k"] }, timeout: .seconds(60))
      #expect(replies.allSatisfy { $0 == .bulk(value) })
      let echoes = try await redis.pipeline((0..<20_000).map { ["ECHO", .integer($0)] }, timeout: .seconds(60))
      #expect(echoes.map(\.int) == (0..<20_000).map { $0 })
    }
  }

  @Test func blocksSubscribesAndComesBackAfterARestart() async throws {
    let server = try start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: try #require(server.tcpURL)))
    let popper = redis.sibling(name: "popper")
    async let popped = popper.send(["BLPOP", "list", 0], timeout: .seconds(60))
    let subscription = try await redis.subscribe(to: ["c"])
    #expect(try await redis.pipeline([["RPUSH", "list", "x"], ["PUBLISH", "c", "m"]])[1].int == 1)
    #expect(try await popped[1]?.text == "x")
    var messages = subscription.makeAsyncIterator()
    #expect(await messages.next()?.payload == Array("m".utf8))
    try server.restart()
    #expect(try await redis.send(["PING"], timeout: .seconds(60), repeatable: true).text == "PONG")
  }

  @Test func showsItsOwnCertificateWhereThatIsWanted() async throws {
    let server = try start(wantsCertificates: true)
    let url = "rediss://localhost:\(server.port)?cacert=\(certificates.authority)"
    let error = try await refusal(url)
    // The server says why and closes at once: its word may be lost with the connection.
    #expect(error.kind == .tls || error.kind == .closed, "\(error)")
    let files = "&cert=\(certificates.certificate("client"))&key=\(certificates.key("client"))"
    let redis = try await RedisConnection.connect(RedisEndpoint(url: url + files))
    #expect(try await redis.send(["PING"]).text == "PONG")
  }

  @Test func refusesWhoItCannotTrust() async throws {
    let server = try start()
    let place = "rediss://ann:hunter2@localhost:\(server.port)"
    for (options, fragment) in [
      ("", "certificate is not accepted"), ("?cacert=\(certificates.authority)&server_name=other.test", "mismatch"),
      ("?cacert=/nonexistent/ca.pem", "/nonexistent/ca.pem"),
      (
        "?cacert=\(certificates.authority)&cert=\(certificates.certificate("client"))&key=\(try certificates.lockedKey())",
        "locked.key"
      ),
    ] {
      let error = try await refusal(place + options)
      #expect(error.kind == .tls && error.message.contains(fragment), "\(error)")
      #expect(error.description.contains("cacert=FILE") && !error.description.contains("hunter2"))
    }
  }

  @Test func saysWhenOneSideSpeaksNoTLS() async throws {
    let server = try start()
    let plain = try await refusal("redis://localhost:\(server.port)")
    #expect(plain.description.contains("rediss://"), "\(plain)")
    var options = RedisServer.Options()
    options.listensOnTCP = true
    let other = try RedisServer.start(options)
    let secure = try await refusal("rediss://localhost:\(other.port)")
    #expect(secure.kind == .unreachable && secure.message.contains("no TLS handshake"), "\(secure)")
  }
}
