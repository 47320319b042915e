import Glibc
import TestSupport
import Testing

import RedisClient

@Suite(.timeLimit(.minutes(5))) struct OutageTests {
  private func connect(_ server: RedisServer) async throws -> RedisConnection {
    try await RedisConnection.connect(RedisEndpoint(url: server.url))
  }

  @Test func unreachableIsSaidAtOnce() async throws {
    for url in ["unix:///tmp/quarry-no-such-socket", "redis://127.0.0.1:1"] {
      let endpoint = try RedisEndpoint(url: url)
      let error = await #expect(throws: RedisError.self) { try await RedisConnection.connect(endpoint) }
      #expect(error?.kind == .unreachable && error?.endpoint == url && error?.remedy != nil)
      #expect(error?.outcomeUnknown == false)
    }
  }

  @Test func wrongOrMissingPasswordIsSaidAtOnce() async throws {
    var options = RedisServer.Options()
    options.password = "right"
    let server = try RedisServer.start(options)
    for password in [nil, "wr0ng"] {
      let endpoint = RedisEndpoint(.unix(path: server.socketPath), password: password)
      let error = await #expect(throws: RedisError.self) { try await RedisConnection.connect(endpoint) }
      #expect(error?.kind == .authentication)
      #expect(error?.description.contains("wr0ng") == false)
    }
  }

  @Test func passwordForAServerWithoutOneIsRefused() async throws {
    let server = try RedisServer.start()
    let endpoint = RedisEndpoint(.unix(path: server.socketPath), password: "x")
    let error = await #expect(throws: RedisError.self) { try await RedisConnection.connect(endpoint) }
    #expect(error?.kind == .authentication)
  }

  @Test func killedServerLeavesTheOutcomeUnknownAndIsFoundAgain() async throws {
    var options = RedisServer.Options()
    options.appendOnly = true
    let server = try RedisServer.start(options)
    let redis = try await connect(server)
    #expect(try await redis.send(["SET", "k", "v"]).isOK)
    let blocked = Task { try await redis.send(["BLPOP", "none", 0], timeout: .seconds(60)) }
    try await until { try await redisClients(server).contains("cmd=blpop") }
    server.kill()
    let error = await #expect(throws: RedisError.self) { try await blocked.value }
    #expect(error?.kind == .closed && error?.outcomeUnknown == true && error?.isOutage == true)

    async let waiting = redis.send(["GET", "k"], timeout: .seconds(30))
    try server.restart()
    #expect(try await waiting.text == "v")
  }

  @Test func callDuringAnOutageFailsAtItsDeadlineWithTheReason() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    server.kill()
    let error = await #expect(throws: RedisError.self) {
      try await redis.send(["PING"], timeout: .milliseconds(300), repeatable: true)
    }
    #expect(error?.kind == .unreachable && error?.outcomeUnknown == false)
  }

  @Test func repeatableCallsSurviveARestart() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    let (started, signal) = AsyncStream<Void>.makeStream()
    async let total = withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for count in 0..<500 {
            _ = try await redis.send(["SET", "k", "v"], timeout: .seconds(30), repeatable: true)
            if count == 100 { signal.yield() }
          }
          return 500
        }
      }
      return try await group.reduce(0, +)
    }
    for await _ in started { break }
    server.kill()
    try server.restart()
    #expect(try await total == 4000)
  }

  @Test func silentServerRunsIntoTheDeadline() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    server.pause()
    let error = await #expect(throws: RedisError.self) {
      try await redis.send(["PING"], timeout: .milliseconds(200))
    }
    #expect(error?.kind == .timeout && error?.outcomeUnknown == true)
    server.resume()
    #expect(try await redis.send(["PING"], timeout: .seconds(30)).text == "PONG")
  }

  @Test func silentServerRefusesTheLoginInTime() async throws {
    let server = try RedisServer.start()
    server.pause()
    var options = RedisOptions()
    options.connectTimeout = .milliseconds(200)
    let endpoint = try RedisEndpoint(url: server.url)
    let error = await #expect(throws: RedisError.self) { try await RedisConnection.connect(endpoint, options: options) }
    #expect(error?.kind == .timeout)
  }

  @Test func withoutReconnectTheFirstFailureIsFinal() async throws {
    let server = try RedisServer.start()
    var options = RedisOptions()
    options.reconnects = false
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url), options: options)
    server.kill()
    await #expect(throws: RedisError.self) { try await redis.send(["PING"]) }
    try server.restart()
    let error = await #expect(throws: RedisError.self) { try await redis.send(["PING"]) }
    #expect(error?.kind == .closed)
  }

  @Test func readOnlyReplicaIsNotReady() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    #expect(try await redis.send(["REPLICAOF", "127.0.0.1", "1"]).isOK)
    let error = await #expect(throws: RedisError.self) { try await redis.send(["SET", "k", "v"]) }
    #expect(error?.kind == .notReady && error?.outcomeUnknown == false)
    let script = RedisScript("return redis.call('SET', KEYS[1], 'v')")
    async let later = redis.send(.script(script, keys: ["k"]), timeout: .seconds(30), repeatable: true)
    #expect(try await redis.send(["REPLICAOF", "NO", "ONE"], timeout: .seconds(30)).isOK)
    #expect(try await later.isOK)
  }

  @Test func whatIsNotRedisIsSaid() async throws {
    let listener = try GarbageListener()
    let error = await #expect(throws: RedisError.self) {
      try await RedisConnection.connect(RedisEndpoint(.tcp(host: "127.0.0.1", port: listener.port)))
    }
    #expect(error?.kind == .protocol)
  }
}

/// Answers every connection with an HTTP error.
final class GarbageListener: Sendable {
  let port: UInt16
  private let descriptor: Int32

  init() throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(listener, generic, size) == 0 && listen(listener, 8) == 0 ? getsockname(listener, generic, &size) : -1
      }
    }
    try #require(status == 0)
    descriptor = listener
    port = UInt16(bigEndian: address.sin_port)
    OwnedThread.start {
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        let text = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
        _ = write(client, text, text.count)
      }
    }
  }

  deinit {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }
}
