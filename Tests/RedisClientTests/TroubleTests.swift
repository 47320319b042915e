import TestSupport
import Testing

import RedisClient

/// What servers in the field do.
@Suite(.timeLimit(.minutes(5))) struct TroubleTests {
  private func start(_ change: (inout RedisServer.Options) -> Void = { _ in }) throws -> RedisServer {
    var options = RedisServer.Options()
    options.listensOnTCP = true
    change(&options)
    return try RedisServer.start(options)
  }

  @Test func replicaIsLeftForThePrimary() async throws {
    let (first, second) = (try start(), try start())
    try first.ask("REPLICAOF", "127.0.0.1", String(second.port))
    let endpoint = try RedisEndpoint(url: "redis://127.0.0.1:\(first.port),127.0.0.1:\(second.port)")
    let redis = try await RedisConnection.connect(endpoint)
    #expect(try await redis.send(["SET", "k", "1"], timeout: .seconds(60), repeatable: true).isOK)
    // They change places.
    try first.ask("REPLICAOF", "NO", "ONE")
    try second.ask("REPLICAOF", "127.0.0.1", String(first.port))
    #expect(try await redis.send(["SET", "k", "2"], timeout: .seconds(60), repeatable: true).isOK)
    #expect(try first.ask("GET", "k").contains("2"))
  }

  @Test func blockingCallOfAPrimaryThatIsDemotedGoesOn() async throws {
    let (first, second) = (try start(), try start())
    let endpoint = try RedisEndpoint(url: "redis://127.0.0.1:\(first.port),127.0.0.1:\(second.port)")
    let redis = try await RedisConnection.connect(endpoint)
    async let popped = redis.send(["BLPOP", "list", 0], timeout: .seconds(60), repeatable: true)
    try await until { try await redisClients(first).contains("cmd=blpop") }
    try first.ask("REPLICAOF", "127.0.0.1", String(second.port))
    try second.ask("RPUSH", "list", "work")
    #expect(try await popped[1]?.text == "work")
  }

  @Test func fullServerIsSaidAndWaitedFor() async throws {
    let server = try start { $0.more = ["--maxclients", "2"] }
    let first = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let second = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let error = await #expect(throws: RedisError.self) {
      try await RedisConnection.connect(RedisEndpoint(url: server.url))
    }
    #expect(error?.kind == .notReady && error?.message.contains("maxclients") == true, "\(String(describing: error))")
    let third = RedisConnection(try RedisEndpoint(url: server.url))
    second.close()
    #expect(try await third.send(["PING"], timeout: .seconds(60)).text == "PONG")
    #expect(try await first.send(["PING"]).text == "PONG")
  }

  @Test func protectedModeIsExplained() async throws {
    let server = try start()
    let proxy = try FaultProxy(to: server.port, from: "127.0.0.2")
    let error = await #expect(throws: RedisError.self) {
      try await RedisConnection.connect(RedisEndpoint(url: "redis://127.0.0.1:\(proxy.port)"))
    }
    #expect(error?.kind == .authentication && error?.code == "DENIED", "\(String(describing: error))")
    #expect(error?.description.contains("requirepass") == true)
  }

  @Test func connectionThatHangsIsGivenUpForAnother() async throws {
    let server = try start()
    let proxy = try FaultProxy(to: server.port)
    let redis = try await RedisConnection.connect(RedisEndpoint(url: "redis://127.0.0.1:\(proxy.port)"))
    #expect(proxy.hang() == 1)
    let error = await #expect(throws: RedisError.self) {
      try await redis.send(["PING"], timeout: .milliseconds(300))
    }
    #expect(error?.kind == .timeout && error?.outcomeUnknown == true)
    #expect(try await redis.send(["PING"], timeout: .seconds(60)).text == "PONG")
  }

  @Test func serverThatTakesNoWritesIsWaitedFor() async throws {
    let server = try start { $0.more = ["--min-replicas-to-write", "1"] }
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let error = await #expect(throws: RedisError.self) { try await redis.send(["SET", "k", "v"]) }
    #expect(error?.kind == .notReady && error?.code == "NOREPLICAS")
    let script = RedisScript("return redis.call('SET', KEYS[1], 'v')")
    async let later = redis.send(.script(script, keys: ["k"]), timeout: .seconds(60), repeatable: true)
    try server.ask("CONFIG", "SET", "min-replicas-to-write", "0")
    #expect(try await later.isOK)
  }
}
