import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport

/// What lies beside the queue's own work in each call: the way to the server, and the look at a key that no fleet has, with
/// which a script finds out that its slot is being moved.
struct Transport {
  let calls: Int

  func run() async throws {
    let certificates = try Certificates()
    var (plain, secret) = (RedisServer.Options(), RedisServer.Options())
    plain.listensOnTCP = true
    secret.listensOnTCP = true
    secret.certificates = certificates
    let servers = try (RedisServer.start(plain), RedisServer.start(secret))
    print("transport: \(calls) calls one after the other, medians of five rounds in turn")
    try await ways(socket: servers.0.url, plain: servers.0.tcpURL ?? "", secret: servers.1.tcpURL ?? "")
    try await existence(servers.0.url)
    print("transport: 2,000 tasks by \(WorkerRates.slots) calls at once")
    try await crowds(plain: servers.0.tcpURL ?? "", secret: servers.1.tcpURL ?? "")
  }

  private func ways(socket: String, plain: String, secret: String) async throws {
    var times: [[Double]] = [[], [], []]
    for _ in 0..<5 {
      for (index, url) in [socket, plain, secret].enumerated() {
        let redis = try await RedisConnection.connect(RedisEndpoint(url: url))
        times[index].append(
          try await ContinuousClock().measure { for _ in 0..<calls / 5 { _ = try await redis.send(["PING"]) } }
            .inSeconds)
        redis.close()
      }
    }
    let (socket, plain, secret) = (times[0].quantile(0.5), times[1].quantile(0.5), times[2].quantile(0.5))
    show("PING over TCP, over a unix socket", (plain / socket).text())
    show("PING over TLS, over plain TCP", (secret / plain).text())
  }

  /// A fleet's tasks pushed and drained, by many calls that share one connection.
  private func crowds(plain: String, secret: String) async throws {
    var times: [[Double]] = [[], []]
    let folder = TemporaryDirectory()
    for _ in 0..<5 {
      for (index, url) in [plain, secret].enumerated() {
        let redis = try await RedisConnection.connect(RedisEndpoint(url: url))
        _ = try await redis.send(["FLUSHALL"])
        let fleet = try await BenchFleet(url, folder: folder.path, actor: "w")
        try await fleet.push(2_000)
        try await fleet.join(slots: WorkerRates.slots)
        let rates = ScriptRates(tasks: 2_000, slots: WorkerRates.slots)
        times[index].append(try await ContinuousClock().measure { try await rates.drain(fleet.queue) }.inSeconds)
        fleet.queue.close()
        redis.close()
      }
    }
    show(
      "claimed, started and completed over TLS, over plain TCP: time",
      (times[1].quantile(0.5) / times[0].quantile(0.5)).text())
  }

  /// The same script with and without the look, by time in Redis.
  private func existence(_ url: String) async throws {
    let redis = try await RedisConnection.connect(RedisEndpoint(url: url))
    var times: [[Double]] = [[], []]
    for _ in 0..<5 {
      for (index, look) in ["", "redis.call('EXISTS', KEYS[1] .. 'moving')\n"].enumerated() {
        let script = RedisScript(look + "return redis.call('HGET', KEYS[1], 'generation')")
        let before = try await ServerFigures.of(redis)
        for _ in 0..<calls / 5 { _ = try await redis.send(.script(script, keys: ["{bench}"], arguments: [])) }
        let spent = try await ServerFigures.of(redis) - before
        times[index].append(spent.scriptMicroseconds / Double(spent.scripts))
      }
    }
    let (without, with) = (times[0].quantile(0.5), times[1].quantile(0.5))
    show(
      "one EXISTS more in a script: time in Redis",
      "\((with - without).text()) µs, beside \(without.text()) of a script with one HGET")
  }
}
