import QuarryCore
import QuarryFleet
import RedisClient
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ClusterTests {
  @Test func aCrawlGoesOnWhileItsSlotIsMoved() async throws {
    let cluster = try RedisCluster.start()
    let raw = try await RedisConnection.connect(RedisEndpoint(url: cluster.nodes[0].url))
    let slot = Int(try await raw.send(["CLUSTER", "KEYSLOT", "{test}"]).int ?? -1)
    let fixture = try CrawlFixture(on: cluster.nodes[0], address: cluster.url)
    let (tree, isHalfway) = (fixture.tree(pages: 63), Gate())
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      if fixture.succeeded.count >= 5 { isHalfway.wait() }
      return try tree(task, derived, control)
    }
    let owner = Mutex(-1)
    let coordinator = try await fixture.coordinator(fixture.request())
    let summary = try await crawl(coordinator, [worker]) {
      try await fixture.succeeded.wait(for: 5)
      let reader = try await fixture.queue("reader")
      let next = try await cluster.move(slot) {
        isHalfway.open()
        // Neither node has all keys now. Nothing is answered from a part of them, nothing done with it: the question waits
        // for the slot, and its time may end at any of its tries.
        let error = await #expect(throws: QuarryError.self) { try await reader.fleetView() }
        let message = error?.message ?? ""
        #expect(error?.kind == .redis && (message.contains("moving") || message.contains("in time")), "\(message)")
      }
      owner.withLock { $0 = next }
    }
    #expect(summary.exitCode == 0)
    try expectExact(fixture, summary, pages: 63)
    #expect(try await Census.take(fixture.queue("reader")) == [])
    #expect(try cluster.owner(of: slot) == owner.withLock { $0 })
    try await expectOneSlot(cluster, slot)
  }

  /// Every key that a whole crawl leaves behind.
  private func expectOneSlot(_ cluster: RedisCluster, _ slot: Int) async throws {
    var found = 0
    for node in cluster.nodes {
      let redis = try await RedisConnection.connect(RedisEndpoint(url: node.url))
      for key in try await redis.send(["KEYS", "*"]).elements?.compactMap(\.text) ?? [] {
        #expect(key.hasPrefix("quarry:{test}:"))
        #expect(try await redis.send(["CLUSTER", "KEYSLOT", .text(key)]).int == Int64(slot), "\(key)")
        found += 1
      }
    }
    #expect(found > 20)
  }

  @Test func aClusterThatIsDownForAMomentIsOutlasted() async throws {
    let cluster = try RedisCluster.start()
    var options = RedisOptions()
    options.callTimeout = .seconds(120)
    let redis = try await RedisConnection.connect(RedisEndpoint(url: cluster.url), options: options)
    let slot = Int(try await redis.send(["CLUSTER", "KEYSLOT", "{shop}"]).int ?? -1)
    let opening = Mutex<Task<FleetQueue, any Error>?>(nil)
    try await cluster.withDown(slot) { node in
      opening.withLock { $0 = Task { try await FleetQueue.open(redis, fleet: "shop", actor: "c") } }
      let raw = try await RedisConnection.connect(RedisEndpoint(url: node.url))
      while !(try await raw.send(["INFO", "errorstats"]).text ?? "").contains("CLUSTERDOWN") {}
    }
    let queue = try #require(try await opening.withLock { $0 }?.value)
    #expect(try await queue.fleetView().outbox == 0)
    queue.close()
  }

  @Test func aFleetIsFoundFromAnyNode() async throws {
    let cluster = try RedisCluster.start()
    for node in cluster.nodes {
      let redis = try await RedisConnection.connect(RedisEndpoint(url: try #require(node.tcpURL)))
      let queue = try await FleetQueue.open(redis, fleet: "shop", actor: "c")
      try await queue.waitForOutbox(upTo: .milliseconds(1))
      #expect(try await queue.fleetView().outbox == 0)
      // Not safe to be done twice, and nevertheless sent on: the first node did nothing.
      #expect(try await redis.sibling(name: "s").send(["RPUSH", "quarry:{other}:list", "x"]).int != nil)
      queue.close()
    }
    let raw = try await RedisConnection.connect(RedisEndpoint(url: cluster.url))
    #expect(try await raw.send(["LLEN", "quarry:{other}:list"]).int == 3)
  }
}
