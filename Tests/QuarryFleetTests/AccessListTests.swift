import Foundation
import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport
import Testing

/// The Redis user that `docs/guides/fleet.md` tells to make may do what a fleet does, and nothing else.
@Suite(.timeLimit(.minutes(5))) struct AccessListTests {
  private let rules: [String]

  init() throws {
    let guide = try String(contentsOfFile: BuiltProducts.root + "/docs/guides/fleet.md", encoding: .utf8)
    let start = try #require(guide.range(of: "ACL SETUSER quarry "))
    let end = try #require(guide[start.upperBound...].range(of: "```"))
    rules = guide[start.upperBound..<end.lowerBound].split { $0.isWhitespace || $0 == "'" || $0 == "\\" }
      .map { $0.replacingOccurrences(of: "{default}", with: "{test}") }
  }

  func makeUser(on server: RedisServer) async throws -> String {
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let words = rules.map { $0 == ">PASSWORD" ? ">p@ss:word" : $0 }
    #expect(try await redis.send(RedisCommand(["ACL", "SETUSER", "quarry"] + words.map { .text($0) })).isOK)
    return "unix://quarry:p%40ss:word@\(server.socketPath)"
  }

  @Test func sufficesForACrawlAndItsReaders() async throws {
    let server = try RedisServer.start()
    let fixture = try CrawlFixture(on: server, address: try await makeUser(on: server))
    let coordinator = try await fixture.coordinator(fixture.request())
    let worker = try await fixture.worker("w1", fixture.tree(pages: 15))
    let summary = try await crawl(coordinator, [worker])
    try expectExact(fixture, summary, pages: 15)
    let queue = try await fixture.queue("reader")
    #expect(try await queue.jobs(limit: 2).count == 1)
    #expect(try await Census.take(queue) == [])
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    #expect(try await redis.send(["ACL", "LOG"]).elements?.isEmpty == true, "something was denied")
  }

  @Test func givesNothingBeyondTheFleet() async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: try await makeUser(on: server)))
    let denied: [RedisCommand] = [
      ["GET", "other"], ["HGET", "quarry:{other}:meta", "generation"], ["FLUSHALL"], ["KEYS", "*"],
      ["CONFIG", "GET", "*"],
      ["PUBLISH", "other", "x"], ["SCRIPT", "FLUSH"], ["EVAL", "return redis.call('GET', 'other')", 0],
    ]
    for command in denied {
      let error = await #expect(throws: RedisError.self) { try await redis.send(command) }
      #expect(error?.kind == .authentication && error?.code == "NOPERM", "\(command)")
    }
  }

  /// Whoever uses a further command in a script or a call is told to let the user have it.
  @Test func namesEveryCommandThatIsUsedAndNoOther() throws {
    let scripts = try words(#"call\('([A-Z]+)'"#, in: "Sources/QuarryFleet/Lua", "lua")
    let calls = try words(#"\[\s*"([A-Z]{3,})","#, in: "Sources/QuarryFleet", "swift").subtracting([
      "HOME", "PATH",
    ])
    let connection: Set = [
      "ping", "role", "info", "evalsha", "script|load", "client|setname", "publish",
      // Written in two lines.
      "xautoclaim", "xreadgroup", "xread",
    ]
    let granted = Set(rules.filter { $0.hasPrefix("+") }.map { String($0.dropFirst()) })
    let used = connection.union(scripts.union(calls).map { $0.lowercased() })
    #expect(granted.subtracting(used) == [], "granted, and not used")
    #expect(used.subtracting(granted) == [], "used, and not granted")
  }

  private func words(_ pattern: String, in folder: String, _ ending: String) throws -> Set<String> {
    let root = BuiltProducts.root + "/" + folder
    let expression = try Regex(pattern, as: (Substring, Substring).self)
    let files = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    let texts = try files.filter { $0.hasSuffix("." + ending) }.map {
      try String(contentsOfFile: root + "/" + $0, encoding: .utf8)
    }
    return Set(texts.flatMap { $0.matches(of: expression).map { String($0.output.1) } })
  }
}
