import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// The shared choice of proxies: what any store of their recency must do.
@Suite(.timeLimit(.minutes(5))) struct QueueProxyTests {
  private let names = (0..<6).map { "http://proxy\($0):80" }

  private func choose(_ bench: QueueBench, _ choice: ProxyChoice, marks: Bool = true) async throws -> Int {
    try await bench.queue.chooseProxy(choice, marks: marks, requestID: UUIDv7.make())
  }

  @Test func roundRobinGoesAroundAndALookChangesNothing() async throws {
    let bench = try await QueueBench.make()
    let choice = ProxyChoice(pool: "p", strategy: .roundRobin, endpoints: names)
    for number in 0..<13 {
      #expect(try await choose(bench, choice, marks: false) == number % 6)
      #expect(try await choose(bench, choice) == number % 6)
    }
  }

  @Test func randomNeverRepeatsInsideTheWindow() async throws {
    let bench = try await QueueBench.make()
    var choice = ProxyChoice(pool: "p", strategy: .random, endpoints: names)
    choice.recencyWindow = 4
    var last: [Int] = []
    var seen: Set<Int> = []
    for _ in 0..<60 {
      let place = try await choose(bench, choice)
      #expect(!last.suffix(4).contains(place))
      last.append(place)
      seen.insert(place)
    }
    #expect(seen.count == 6)
  }

  @Test func aWindowThatCoversThePoolGivesTheLeastRecentlyChosen() async throws {
    let bench = try await QueueBench.make()
    var choice = ProxyChoice(pool: "p", strategy: .random, endpoints: names)
    choice.recencyWindow = 6
    var order: [Int] = []
    for _ in 0..<18 { order.append(try await choose(bench, choice)) }
    #expect(Set(order[0..<6]).count == 6)
    #expect(order[0..<6] == order[6..<12] && order[6..<12] == order[12..<18])
  }

  @Test func manyChoosersAtOnceNeverShareAnEndpointInsideTheWindow() async throws {
    let bench = try await QueueBench.make()
    var choice = ProxyChoice(pool: "p", strategy: .random, endpoints: (0..<20).map { "e\($0)" })
    choice.recencyWindow = 16
    let shared = choice
    let chosen = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<16 { group.addTask { try await choose(bench, shared) } }
      var places: [Int] = []
      for try await place in group { places.append(place) }
      return places
    }
    #expect(Set(chosen).count == 16)
  }

  @Test func stickyKeysKeepTheirEndpointUntilTheirTime() async throws {
    let bench = try await QueueBench.make()
    var choice = ProxyChoice(pool: "p", strategy: .sticky, endpoints: names)
    choice.stickyKey = "example.com"
    choice.stickyTTL = .seconds(60)
    let first = try await choose(bench, choice)
    for _ in 0..<10 { #expect(try await choose(bench, choice) == first) }
    try await bench.advance(.seconds(61))
    var later: Set<Int> = []
    for _ in 0..<20 {
      later.insert(try await choose(bench, choice))
      try await bench.advance(.seconds(61))
    }
    #expect(later.count > 1)
    #expect(try await bench.raw.send(["HLEN", .text("quarry:{\(bench.fleet)}:proxysticky:p")]).int ?? 0 <= 1)
  }

  @Test func anEndpointInCoolDownIsPassedOverForThatHostAlone() async throws {
    let bench = try await QueueBench.make()
    var choice = ProxyChoice(pool: "p", strategy: .roundRobin, endpoints: Array(names[0..<2]))
    choice.host = "h.test"
    try await bench.queue.coolDownProxy(pool: "p", endpoint: names[0], host: "h.test", for: .seconds(60))
    try await bench.queue.coolDownProxy(pool: "p", endpoint: names[0], host: "h.test", for: .seconds(1))
    for _ in 0..<3 { #expect(try await choose(bench, choice) == 1) }
    choice.host = "other.test"
    #expect(try await choose(bench, choice, marks: false) == 0)
    choice.host = "h.test"
    try await bench.queue.coolDownProxy(pool: "p", endpoint: names[1], host: "h.test", for: .seconds(60))
    _ = try await choose(bench, choice)
    try await bench.advance(.seconds(61))
    #expect(try await Set([choose(bench, choice), choose(bench, choice)]) == [0, 1])
  }
}
