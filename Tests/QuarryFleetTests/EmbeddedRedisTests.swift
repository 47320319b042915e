import Foundation
import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport
import Testing

/// With real servers and shepherds; participants that are to be killed run in processes of their own.
@Suite(.timeLimit(.minutes(5))) struct EmbeddedRedisTests {
  @Test func serverLivesWhileSomebodyUsesIt() async throws {
    let place = Place()
    let first = try await place.join()
    let second = try await place.join()
    #expect(first.endpoint == second.endpoint)
    let server = try await serverID(first)
    #expect(try await serverID(second) == server)
    first.leave()
    #expect(try await serverID(second) == server)
    second.leave()
    try await until { isGone(server) }
  }

  @Test func dataSurvivesTheEndOfTheServer() async throws {
    let place = Place()
    let first = try await place.join()
    let before = try await send(first, ["SET", "kept", "yes"])
    #expect(before.isOK)
    let server = try await serverID(first)
    first.leave()
    try await until { isGone(server) }
    let second = try await place.join()
    #expect(try await serverID(second) != server)
    #expect(try await send(second, ["GET", "kept"]).text == "yes")
    let settings = try await send(second, ["CONFIG", "GET", "*"]).fields
    #expect(settings?["maxmemory-policy"]?.text == "noeviction")
    #expect(settings?["port"]?.text == "0" && settings?["appendonly"]?.text == "yes")
  }

  /// Whoever comes just when the last one leaves keeps the server, or waits for its end and starts another.
  @Test func joinersMayMeetTheEndOfTheServer() async throws {
    let place = Place()
    for round in 0..<10 {
      let participant = try await place.join()
      #expect(try await send(participant, ["INCR", "rounds"]).int == Int64(round + 1))
      participant.leave()
    }
  }

  @Test func nothingIsLeftWhenAllAreKilled() async throws {
    let place = Place()
    let witness = try await place.join()
    let server = try await serverID(witness)
    let folder = place.path
    async let one: Void = killedParticipant(folder, writes: "one")
    async let two: Void = killedParticipant(folder, writes: "two")
    _ = try await (one, two)
    #expect(try await serverID(witness) == server)
    witness.leave()
    try await killedParticipant(folder, writes: "three")
    let begin = ContinuousClock.now
    try await until { await place.hasNoShepherd }
    #expect(ContinuousClock.now - begin < .seconds(10))
    #expect(isGone(server))

    let next = try await place.join()
    #expect(try await send(next, ["MGET", "one", "two", "three"]).elements?.map(\.text) == ["one", "two", "three"])
  }

  @Test func manyStartersMakeOneServer() async throws {
    let place = Place()
    let participants = try await withThrowingTaskGroup(of: EmbeddedRedis.self) { group in
      for _ in 0..<8 { group.addTask { try await place.join() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    var servers: Set<Int32> = []
    for participant in participants { servers.insert(try await serverID(participant)) }
    #expect(servers.count == 1)
  }

  @Test func killedServerIsStartedAgain() async throws {
    let place = Place()
    let participant = try await place.join()
    let redis = try await RedisConnection.connect(participant.endpoint)
    #expect(try await redis.send(["SET", "kept", "yes"]).isOK)
    let server = try await serverID(participant)
    kill(server, SIGKILL)
    try await until { isGone(server) }
    #expect(try await redis.send(["GET", "kept"], timeout: .seconds(10), repeatable: true).text == "yes")
  }

  @Test func killedShepherdTakesItsServerWithItAndBothAreStartedAgain() async throws {
    let place = Place()
    let participant = try await place.join()
    let redis = try await RedisConnection.connect(participant.endpoint)
    #expect(try await redis.send(["SET", "kept", "yes"]).isOK)
    let server = try await serverID(participant)
    let shepherd = try #require(parent(of: server))
    kill(shepherd, SIGKILL)
    try await until { isGone(server) }
    #expect(try await redis.send(["GET", "kept"], timeout: .seconds(20), repeatable: true).text == "yes")
    participant.leave()
    try await until { await place.hasNoShepherd }
  }

  @Test func staleFilesAreNoObstacle() async throws {
    let place = Place()
    let paths = try place.paths()
    try paths.prepare()
    for file in [paths.socket, paths.participantsLock, paths.startLock, paths.shepherdLock] {
      #expect(FileManager.default.createFile(atPath: file, contents: Data("old".utf8)))
    }
    try Data("/tmp/quarry-of-yesterday.sock\n".utf8).write(to: URL(fileURLWithPath: paths.socketRecord))
    let participant = try await place.join()
    #expect(participant.endpoint.address == .unix(path: paths.socket))
    #expect(try await serverID(participant) > 0)
  }

  @Test func brokenDataIsSaidWithTheServersReason() async throws {
    let place = Place()
    let paths = try place.paths()
    try paths.prepare()
    mkdir(paths.state + "/appendonlydir", 0o700)
    let manifest = paths.state + "/appendonlydir/appendonly.aof.manifest"
    #expect(FileManager.default.createFile(atPath: manifest, contents: Data("rubbish\n".utf8)))
    let error = await #expect(throws: QuarryError.self) { try await place.join() }
    #expect(error?.kind == .redis && error?.remedy?.contains("redis.log") == true)
    try await until { await place.hasNoShepherd }
  }
}

/// A user's home for one test; goes when the test has ended.
private final class Place: Sendable {
  let path: String
  let fleet = "test"

  init() {
    var template = Array("/tmp/quarry-test-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  static func environment(_ path: String) -> [String: String] {
    ["XDG_STATE_HOME": path, "XDG_RUNTIME_DIR": path, "PATH": "/usr/bin:/usr/local/bin"]
  }

  func paths() throws -> EmbeddedPaths {
    try EmbeddedPaths(fleet: fleet, environment: Self.environment(path))
  }

  func join() async throws -> EmbeddedRedis { try await joinFleet(path) }

  /// Whether the shepherd's lock is free, asked from outside.
  var hasNoShepherd: Bool {
    get async {
      guard let lock = try? paths().shepherdLock else { return false }
      return (try? await runProcess("/usr/bin/flock", ["-n", lock, "true"]))?.exitCode == 0
    }
  }
}

private func joinFleet(_ path: String) async throws -> EmbeddedRedis {
  try await EmbeddedRedis.join(
    fleet: "test", environment: Place.environment(path), shepherd: BuiltProducts.shepherd, timeout: .seconds(20))
}

/// A worker of its own process: it joins, a key is written beside it, and it is killed.
private func killedParticipant(_ path: String, writes key: String) async throws {
  let worker = try RunningProcess(
    BuiltProducts.quarry,
    ["worker", "--fleet", "test", "--storage-path", path, "--storage-dataset", key, "--script-root", path],
    environment: Place.environment(path))
  try await worker.waitForError("serves fleet")
  let paths = try EmbeddedPaths(fleet: "test", environment: Place.environment(path))
  let redis = try await RedisConnection.connect(RedisEndpoint(url: "unix://\(paths.socket)"))
  _ = try await redis.send(["SET", .text(key), .text(key)])
  redis.close()
  worker.send(SIGKILL)
  _ = try await worker.finish()
}

private func send(_ participant: EmbeddedRedis, _ command: RedisCommand) async throws -> RedisReply {
  let redis = try await RedisConnection.connect(participant.endpoint)
  defer { redis.close() }
  return try await redis.send(command)
}

private func serverID(_ participant: EmbeddedRedis) async throws -> Int32 {
  let info = try await send(participant, ["INFO", "server"]).text ?? ""
  let line = try #require(info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("process_id:") })
  return try #require(Int32(line.dropFirst("process_id:".count)))
}

private func isGone(_ process: Int32) -> Bool { kill(process, 0) != 0 && errno == ESRCH }

private func parent(of process: Int32) -> Int32? {
  guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
    let line = text.split(separator: "\n").first(where: { $0.hasPrefix("PPid:") })
  else { return nil }
  return Int32(line.dropFirst("PPid:".count).trimmingCharacters(in: .whitespaces))
}

/// Asks again until the condition holds, at most 15 s: for what nothing signals.
private func until(_ condition: () async -> Bool) async throws {
  let end = ContinuousClock.now + .seconds(15)
  while await !condition() {
    try #require(ContinuousClock.now < end, "the condition did not come true in 15 s")
    try await Task.sleep(for: .milliseconds(20))
  }
}
