import Foundation

/// A primary, its replica and three sentinels that watch it as `shop`.
package final class SentinelSet: Sendable {
  package let primary: RedisServer
  package let replica: RedisServer
  package let ports: [UInt16]
  private let folder = TemporaryDirectory()
  private let sentinels: [ServerProcess]

  /// Returns when sentinels and replica know each other.
  package static func start() async throws -> SentinelSet {
    let set = try SentinelSet()
    for port in set.ports {
      try await set.wait { try set.ask(port, "num-slaves") == "1" && set.ask(port, "num-other-sentinels") == "2" }
    }
    try await set.wait { try set.replicaState().contains("master_link_status:up") }
    return set
  }

  private init() throws {
    var options = RedisServer.Options()
    options.listensOnTCP = true
    options.more = ["--repl-diskless-sync-delay", "0"]
    let primary = try RedisServer.start(options)
    options.more += ["--replicaof", "127.0.0.1", String(primary.port)]
    replica = try RedisServer.start(options)
    self.primary = primary
    ports = try PortBlock.free(count: 3)
    sentinels = try ports.map { [folder] port in
      let file = "\(folder.path)/\(port).conf"
      try Self.configuration(port, folder.path, primary.port).write(toFile: file, atomically: true, encoding: .utf8)
      return try ServerProcess(["/usr/bin/redis-server", file, "--sentinel"], ready: "+monitor master")
    }
  }

  deinit { for sentinel in sentinels { sentinel.kill() } }

  private static func configuration(_ port: UInt16, _ folder: String, _ primary: UInt16) -> String {
    """
    bind 127.0.0.1
    port \(port)
    dir \(folder)
    sentinel monitor shop 127.0.0.1 \(primary) 2
    sentinel down-after-milliseconds shop 1000
    sentinel failover-timeout shop 20000

    """
  }

  package var url: String { "redis+sentinel://" + ports.map { "127.0.0.1:\($0)" }.joined(separator: ",") + "/shop" }

  private func wait(until condition: () throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(120)
    while !(try condition()) {
      guard ContinuousClock.now < end else { throw ServerProcess.Failure(description: "the sentinels find no quorum") }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// A field of what a sentinel says of the primary.
  private func ask(_ port: UInt16, _ field: Substring) throws -> Substring? {
    let lines = try ShortProgram.run(
      ["/usr/bin/redis-cli", "-p", String(port), "--raw", "SENTINEL", "MASTER", "shop"]
    ).split(separator: "\n")
    return lines.firstIndex(of: field).flatMap { $0 + 1 < lines.count ? lines[$0 + 1] : nil }
  }

  private func replicaState() throws -> String {
    try ShortProgram.run(["/usr/bin/redis-cli", "-s", replica.socketPath, "INFO", "replication"])
  }
}
