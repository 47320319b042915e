import Glibc
import TestSupport
import Testing

import RedisClient

@Suite(.timeLimit(.minutes(5))) struct ConnectionTests {
  private func connect(_ server: RedisServer, _ options: RedisOptions = RedisOptions()) async throws -> RedisConnection
  {
    try await RedisConnection.connect(RedisEndpoint(url: server.url), options: options)
  }

  @Test func carriesAnyBytes() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    let value = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    #expect(try await redis.send(["SET", .bytes([0, 255, 10]), .bytes(value)]).isOK)
    #expect(try await redis.send(["GET", .bytes([0, 255, 10])]) == .bulk(value))
    #expect(try await redis.send(["GET", "none"]).isNull)
    #expect(try await redis.send(["SET", "empty", .bytes([])]).isOK)
    #expect(try await redis.send(["GET", "empty"]) == .bulk([]))
  }

  @Test func readsEveryKindOfReply() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    let script = RedisScript("return {1, 'two', false, {redis.status_reply('OK')}, redis.error_reply('BAD thing')}")
    let reply = try await redis.send(.script(script, keys: []))
    #expect(
      reply
        == .array([
          .integer(1), .bulk(Array("two".utf8)), .null, .array([.status("OK")]), .error("BAD thing"),
        ]))
    let hash = try await redis.pipeline([["HSET", "h", "a", 1, "b", "x"], ["HGETALL", "h"]])
    #expect(hash[1].fields?["a"]?.int == 1 && hash[1].fields?["b"]?.text == "x")
  }

  @Test func serverErrorsAreThrownOrValues() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    let error = await #expect(throws: RedisError.self) { try await redis.send(["NOSUCH"]) }
    #expect(error?.kind == .server && error?.code == "ERR" && error?.outcomeUnknown == false)
    let replies = try await redis.pipeline([["SET", "k", "v"], ["LPUSH", "k", "x"], ["GET", "k"]])
    #expect(replies[1].errorText?.hasPrefix("WRONGTYPE") == true)
    #expect(replies[2].text == "v")
  }

  @Test func repliesKeepTheirOrder() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    let replies = try await redis.pipeline((0..<5000).map { ["ECHO", .integer($0)] })
    #expect(replies.map(\.int) == (0..<5000).map { $0 })
  }

  @Test func tenThousandCallsAtOnce() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<10_000 {
        group.addTask { try await redis.send(["ECHO", .integer(Int64(index))]).int != Int64(index) }
      }
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(wrong == 0)
  }

  @Test func worksOverTCPWithPasswordAndDatabase() async throws {
    var options = RedisServer.Options()
    options.listensOnTCP = true
    options.password = "se:cr@t"
    let server = try RedisServer.start(options)
    var endpoint = RedisEndpoint(.tcp(host: "localhost", port: server.port), password: "se:cr@t", database: 3)
    let redis = try await RedisConnection.connect(endpoint)
    #expect(try await redis.send(["SET", "k", "v"]).isOK)
    endpoint.database = 0
    let other = try await RedisConnection.connect(endpoint)
    #expect(try await other.send(["EXISTS", "k"]).int == 0)
    #expect(try await redis.send(["CLIENT", "GETNAME"]).text == "quarry")
  }

  @Test func blockingFormServesPlainThreads() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    let sum = await withCheckedContinuation { done in
      OwnedThread.start {
        let values = (1...100).map { try? redis.sendBlocking(["INCRBY", "n", .integer($0)]).int }
        done.resume(returning: values.last ?? nil)
      }
    }
    #expect(sum == 5050)
  }

  @Test func closeEndsEverything() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    let blocked = Task { try await redis.send(["BLPOP", "none", 0], timeout: .seconds(60)) }
    try await until { try await redisClients(server).contains("cmd=blpop") }
    redis.close()
    let error = await #expect(throws: RedisError.self) { try await blocked.value }
    #expect(error?.kind == .closed)
    let later = await #expect(throws: RedisError.self) { try await redis.send(["PING"]) }
    #expect(later?.kind == .closed && later?.outcomeUnknown == false)
    try await until { try await !redisClients(server).contains("cmd=blpop") }
  }

  @Test func blockingPopHasAConnectionOfItsOwn() async throws {
    let server = try RedisServer.start()
    let redis = try await connect(server)
    let popper = redis.sibling(name: "popper")
    async let popped = popper.send(["BLMOVE", "from", "to", "LEFT", "RIGHT", 0], timeout: .seconds(30))
    try await until { try await redisClients(server).contains("cmd=blmove") }
    #expect(try await redis.send(["PING"]).text == "PONG")
    #expect(try await redis.send(["RPUSH", "from", "work"]).int == 1)
    #expect(try await popped.text == "work")
  }
}

/// What `CLIENT LIST` says, asked on a connection of its own.
func redisClients(_ server: RedisServer) async throws -> String {
  let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
  defer { redis.close() }
  return try await redis.send(["CLIENT", "LIST"]).text ?? ""
}

/// Asks again until the condition holds, at most 10 s: for what nothing signals.
func until(_ condition: () async throws -> Bool) async throws {
  let end = ContinuousClock.now + .seconds(10)
  while try await !condition() {
    try #require(ContinuousClock.now < end, "the condition did not come true in 10 s")
    try await Task.sleep(for: .milliseconds(10))
  }
}
