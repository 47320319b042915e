import TestSupport
import Testing

import RedisClient

@Suite(.timeLimit(.minutes(5))) struct ScriptTests {
  private let append = RedisScript("return redis.call('RPUSH', KEYS[1], ARGV[1])")
  private let length = RedisScript("return redis.call('LLEN', KEYS[1])")

  @Test func isLoadedWhenTheServerDoesNotKnowIt() async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    #expect(try await redis.send(.script(append, keys: ["l"], arguments: ["a"])).int == 1)
    #expect(try await redis.send(["SCRIPT", "FLUSH"]).isOK)
    #expect(try await redis.send(.script(append, keys: ["l"], arguments: ["b"])).int == 2)
  }

  @Test func isLoadedInsideAPipeline() async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    for _ in 0..<2 {
      let replies = try await redis.pipeline([
        ["DEL", "l"], .script(append, keys: ["l"], arguments: ["a"]), ["PING"],
        .script(append, keys: ["l"], arguments: ["b"]), .script(length, keys: ["l"]),
      ])
      #expect(replies == [replies[0], .integer(1), .status("PONG"), .integer(2), .integer(2)])
      #expect(try await redis.send(["SCRIPT", "FLUSH"]).isOK)
    }
  }

  @Test func itsErrorIsTheServers() async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let broken = RedisScript("return redis.error_reply('LOST another generation')")
    let error = await #expect(throws: RedisError.self) { try await redis.send(.script(broken, keys: [])) }
    #expect(error?.code == "LOST")
    let invalid = RedisScript("this is not Lua")
    await #expect(throws: RedisError.self) { try await redis.send(.script(invalid, keys: [])) }
  }
}

@Suite(.timeLimit(.minutes(5))) struct SubscriptionTests {
  @Test func receivesInOrderAndAfterAnOutage() async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let subscription = try await redis.subscribe(to: ["one", "two"])
    var messages = subscription.makeAsyncIterator()
    for index in 0..<100 {
      _ = try await redis.send(["PUBLISH", index % 2 == 0 ? "one" : "two", .integer(Int64(index))])
    }
    for index in 0..<100 {
      let message = await messages.next()
      #expect(message?.channel == (index % 2 == 0 ? "one" : "two"))
      #expect(message?.payload == Array(String(index).utf8))
    }
    try server.restart()
    try await until { try await redis.send(["PUBLISH", "one", "back"], timeout: .seconds(30)).int == 1 }
    #expect(await messages.next()?.payload == Array("back".utf8))
    #expect(subscription.dropped == 0)
  }

  @Test func dropsTheOldestBeyondItsBound() async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let subscription = try await redis.subscribe(to: ["c"], limit: 10)
    _ = try await redis.pipeline((0..<100).map { ["PUBLISH", "c", .integer($0)] })
    try await until { subscription.dropped == 90 }
    var messages = subscription.makeAsyncIterator()
    #expect(await messages.next()?.payload == Array("90".utf8))
  }

  @Test func endsWhenClosed() async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let subscription = try await redis.subscribe(to: ["c"])
    subscription.close()
    for await _ in subscription {}
  }
}

@Suite(.timeLimit(.minutes(5))) struct RealServerCheckTests {
  @Test func evictingServerIsRefused() async throws {
    var options = RedisServer.Options()
    options.maxmemoryPolicy = "allkeys-lru"
    let server = try RedisServer.start(options)
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let error = await #expect(throws: RedisError.self) { try await RedisServerCheck.verify(redis) }
    #expect(error?.kind == .unsuitable)
    _ = try await redis.send(["CONFIG", "SET", "maxmemory-policy", "noeviction"])
    try await RedisServerCheck.verify(redis)
  }
}
