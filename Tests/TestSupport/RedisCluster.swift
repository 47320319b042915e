import Foundation

/// Three nodes of a real cluster that have all slots and say so, on ports of 127.0.0.1.
package final class RedisCluster: Sendable {
  package let nodes: [RedisServer]

  package static func start() throws -> RedisCluster { try RedisCluster() }

  private init() throws {
    nodes = try (0..<3).map { _ in
      var options = RedisServer.Options()
      options.listensOnTCP = true
      let bus = try PortBlock.free(count: 1)[0]
      options.more = ["--cluster-enabled", "yes", "--cluster-port", String(bus), "--cluster-node-timeout", "60000"]
      return try RedisServer.start(options)
    }
    let places = nodes.map { "127.0.0.1:\($0.port)" }
    try ShortProgram.run(["/usr/bin/redis-cli", "--cluster", "create"] + places + ["--cluster-yes"])
    // That all agree on who has what does not mean that each answers: for seconds a node may still call the cluster down.
    for node in nodes {
      var tries = 0
      while !(try ask(node, "CLUSTER", "INFO").contains("cluster_state:ok")) {
        tries += 1
        guard tries < 1_200 else { throw ServerProcess.Failure(description: "the cluster stays down") }
        usleep(50_000)
      }
    }
  }

  /// With all nodes.
  package var url: String { "redis://" + nodes.map { "127.0.0.1:\($0.port)" }.joined(separator: ",") }

  /// The number of the node that has a slot, as that node itself sees it.
  package func owner(of slot: Int) throws -> Int {
    for (index, node) in nodes.enumerated() {
      // A node's own line: id, address, `myself,…`, …, then slots such as `0-5460`, and in brackets what is being moved.
      guard let line = try ask(node, "CLUSTER", "NODES").split(separator: "\n").first(where: { $0.contains("myself") })
      else { continue }
      let ranges = line.split(separator: " ").dropFirst(8).filter { !$0.hasPrefix("[") }
      let hasIt = ranges.contains { range in
        let ends = range.split(separator: "-").compactMap { Int($0) }
        return (ends.first ?? .max) <= slot && slot <= (ends.last ?? .min)
      }
      if hasIt { return index }
    }
    throw ServerProcess.Failure(description: "no node has slot \(slot)")
  }

  /// Moves a slot to the next node, key by key, as `redis-cli --cluster reshard` does.
  /// - Parameter halfway: called when some of its keys are on either node.
  /// - Returns: the number of the node that has it now.
  @discardableResult
  package func move(_ slot: Int, halfway: () async throws -> Void) async throws -> Int {
    let from = try owner(of: slot)
    let to = (from + 1) % nodes.count
    let (source, target) = (nodes[from], nodes[to])
    let (sourceID, targetID) = (try ask(source, "CLUSTER", "MYID"), try ask(target, "CLUSTER", "MYID"))
    try ask(target, "CLUSTER", "SETSLOT", String(slot), "IMPORTING", sourceID)
    try ask(source, "CLUSTER", "SETSLOT", String(slot), "MIGRATING", targetID)
    let keys = try ask(source, "CLUSTER", "GETKEYSINSLOT", String(slot), "100000").split(separator: "\n").sorted()
    try migrate(keys.prefix(keys.count / 2), from: source, to: target)
    try await halfway()
    // What came meanwhile is among them.
    while case let rest = try ask(source, "CLUSTER", "GETKEYSINSLOT", String(slot), "1000").split(separator: "\n"),
      !rest.isEmpty
    {
      try migrate(rest[...], from: source, to: target)
    }
    for node in [target, source] + nodes {
      try ask(node, "CLUSTER", "SETSLOT", String(slot), "NODE", targetID)
    }
    return to
  }

  /// Takes a slot from the node that has it, and gives it back; in between the cluster is down for its keys.
  package func withDown(_ slot: Int, _ body: (RedisServer) async throws -> Void) async throws {
    let node = nodes[try owner(of: slot)]
    try ask(node, "CLUSTER", "DELSLOTS", String(slot))
    try await body(node)
    try ask(node, "CLUSTER", "ADDSLOTS", String(slot))
  }

  private func migrate(_ keys: ArraySlice<Substring>, from source: RedisServer, to target: RedisServer) throws {
    guard !keys.isEmpty else { return }
    let command = ["MIGRATE", "127.0.0.1", String(target.port), "", "0", "60000", "KEYS"] + keys.map(String.init)
    _ = try ask(source, command)
  }

  @discardableResult
  private func ask(_ node: RedisServer, _ command: String...) throws -> String { try ask(node, command) }

  private func ask(_ node: RedisServer, _ command: [String]) throws -> String {
    let answer = try ShortProgram.run(["/usr/bin/redis-cli", "-e", "-s", node.socketPath, "--raw"] + command)
    return answer.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
