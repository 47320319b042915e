import QuarryCore
import QuarryFleet
import QuarryRuntime
import RedisClient
import Synchronization
import Testing

/// A store of choices with a clock that tests push forward.
struct RecencyBench: Sendable {
  enum Kind: String, CaseIterable { case memory, redis }

  let store: any RecencyStore
  let advance: @Sendable (Duration) async throws -> Void

  static func make(_ kind: Kind) async throws -> RecencyBench {
    switch kind {
    case .memory:
      let clock = Clock()
      return RecencyBench(store: MemoryRecencyStore { clock.now }) { clock.advance($0) }
    case .redis:
      let bench = try await QueueBench.make()
      return RecencyBench(store: RedisRecencyStore(bench.queue)) { try await bench.advance($0) }
    }
  }

  private final class Clock: Sendable {
    private let nanoseconds = Mutex<Int64>(1_700_000_000_000_000_000)
    var now: Timestamp { Timestamp(nanoseconds: nanoseconds.withLock { $0 }) }
    func advance(_ time: Duration) { nanoseconds.withLock { $0 += time.milliseconds * 1_000_000 } }
  }

  func choose(_ choice: ProxyChoice) async throws -> Int { try await store.choose(choice, marks: true) }
  func look(_ choice: ProxyChoice) async throws -> Int { try await store.choose(choice, marks: false) }
}

/// What every store of choices does.
@Suite struct RecencyStoreTests {
  typealias Kind = RecencyBench.Kind
  private let names = (0..<6).map { "http://proxy\($0):80" }

  private func choice(_ strategy: ProxyStrategy, of count: Int = 6, window: Int = 0) -> ProxyChoice {
    var choice = ProxyChoice(pool: "p", strategy: strategy, endpoints: Array(names.prefix(count)))
    choice.recencyWindow = window
    return choice
  }

  private func pool(window: Int? = nil) throws -> ProxyPool {
    let endpoints = try (0..<6).map { try ProxyEndpoint(scheme: .http, host: "proxy\($0)", port: 80) }
    return try ProxyPool(name: "p", strategy: .random, endpoints: endpoints, recencyWindow: window)
  }

  @Test(arguments: Kind.allCases)
  func roundRobinGoesAroundAndALookChangesNothing(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    let choice = choice(.roundRobin)
    for number in 0..<13 {
      #expect(try await bench.look(choice) == number % 6)
      #expect(try await bench.store.state(of: pool()).roundRobinIndex == number % 6)
      #expect(try await bench.choose(choice) == number % 6)
    }
    #expect(try await bench.store.state(of: pool()).choices == 13)
  }

  @Test(arguments: Kind.allCases)
  func randomComesToEveryEndpoint(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    var seen: Set<Int> = []
    for _ in 0..<200 { seen.insert(try await bench.choose(choice(.random))) }
    #expect(seen.count == 6)
  }

  @Test(arguments: Kind.allCases)
  func randomNeverRepeatsInsideTheWindow(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    var last: [Int] = []
    for _ in 0..<60 {
      #expect(!last.suffix(4).contains(try await bench.look(choice(.random, window: 4))))
      let place = try await bench.choose(choice(.random, window: 4))
      #expect(!last.suffix(4).contains(place))
      last.append(place)
    }
    #expect(Set(last).count == 6)
    #expect(try await bench.store.state(of: pool(window: 4)).recencyFill == 4)
  }

  @Test(arguments: Kind.allCases, [6, 9])
  func aWindowThatCoversThePoolGivesTheLeastRecentlyChosen(_ kind: Kind, _ window: Int) async throws {
    let bench = try await RecencyBench.make(kind)
    var order: [Int] = []
    for _ in 0..<18 { order.append(try await bench.choose(choice(.random, window: window))) }
    #expect(Set(order[0..<6]).count == 6)
    #expect(order[0..<6] == order[6..<12] && order[6..<12] == order[12..<18])
  }

  @Test(arguments: Kind.allCases)
  func manyChoosersAtOnceNeverShareAnEndpointInsideTheWindow(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    var choice = ProxyChoice(pool: "p", strategy: .random, endpoints: (0..<20).map { "e\($0)" })
    choice.recencyWindow = 16
    let shared = choice
    let chosen = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<16 { group.addTask { try await bench.choose(shared) } }
      var places: [Int] = []
      for try await place in group { places.append(place) }
      return places
    }
    #expect(Set(chosen).count == 16)
  }

  @Test(arguments: Kind.allCases)
  func stickyKeysKeepTheirEndpointUntilTheirTime(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    var choice = choice(.sticky)
    choice.stickyKey = "example.com"
    choice.stickyTTL = .seconds(60)
    let first = try await bench.choose(choice)
    for _ in 0..<10 { #expect(try await bench.choose(choice) == first) }
    #expect(try await bench.store.state(of: pool()).stickyEntries == 1)
    try await bench.advance(.seconds(61))
    #expect(try await bench.store.state(of: pool()).stickyEntries == 0)
    var later: Set<Int> = []
    for _ in 0..<40 {
      later.insert(try await bench.choose(choice))
      try await bench.advance(.seconds(61))
    }
    #expect(later.count > 1)
  }

  @Test(arguments: Kind.allCases)
  func stickyKeysHaveEndpointsOfTheirOwn(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    var held: [String: Int] = [:]
    for key in (0..<60).map({ "key\($0)" }) + (0..<60).map({ "key\($0)" }) {
      var choice = choice(.sticky)
      choice.stickyKey = key
      let place = try await bench.choose(choice)
      #expect(held[key] == nil || held[key] == place)
      held[key] = place
    }
    #expect(Set(held.values).count > 1)
  }

  @Test(arguments: Kind.allCases)
  func anEndpointThatRestsIsPassedOverForThatHostAlone(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    var choice = choice(.roundRobin, of: 2)
    choice.host = "h.test"
    try await bench.store.rest(ProxyRest(pool: "p", endpoint: names[0], host: "h.test", time: .seconds(60)))
    try await bench.store.rest(ProxyRest(pool: "p", endpoint: names[0], host: "h.test", time: .seconds(1)))
    try await bench.advance(.seconds(2))
    for _ in 0..<3 { #expect(try await bench.choose(choice) == 1) }
    let state = try await bench.store.state(of: pool())
    #expect(state.rotations == 2)
    #expect(state.resting.map(\.endpoint) == [names[0]] && state.resting.map(\.host) == ["h.test"])
    choice.host = "other.test"
    #expect(try await bench.look(choice) == 0)
    choice.host = "h.test"
    try await bench.store.rest(ProxyRest(pool: "p", endpoint: names[1], host: "h.test", time: .seconds(60)))
    _ = try await bench.choose(choice)
    try await bench.advance(.seconds(61))
    #expect(try await Set([bench.choose(choice), bench.choose(choice)]) == [0, 1])
    #expect(try await bench.store.state(of: pool()).resting.isEmpty)
  }

  @Test(arguments: Kind.allCases)
  func withoutAHostItRestsForAll(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    try await bench.store.rest(ProxyRest(pool: "p", endpoint: names[0]))
    var choice = choice(.roundRobin, of: 2)
    for host in [nil, "h.test"] {
      choice.host = host
      #expect(try await bench.choose(choice) == 1)
    }
    #expect(try await bench.store.state(of: pool()).resting.map(\.host) == [nil])
  }

  @Test(arguments: Kind.allCases)
  func aStickyKeyIsTakenOffTheEndpointThatRests(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    var choice = choice(.sticky, of: 2)
    choice.stickyKey = "k"
    choice.host = "h.test"
    let first = try await bench.choose(choice)
    try await bench.store.rest(
      ProxyRest(pool: "p", endpoint: names[first], host: "h.test", stickyKey: "k", time: .seconds(60)))
    #expect(try await bench.store.state(of: pool()).stickyEntries == 0)
    for _ in 0..<5 { #expect(try await bench.choose(choice) == 1 - first) }
    try await bench.advance(.seconds(61))
    for _ in 0..<5 { #expect(try await bench.choose(choice) == 1 - first, "it has the other one now") }
  }

  @Test(arguments: Kind.allCases)
  func theWindowHoldsEvenWhereAllOutsideItRest(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    let choice = choice(.random, of: 3, window: 2)
    let first = try await bench.choose(choice)
    let second = try await bench.choose(choice)
    let third = 3 - first - second
    try await bench.store.rest(ProxyRest(pool: "p", endpoint: names[third]))
    for _ in 0..<5 { #expect(try await bench.look(choice) == third) }
  }

  @Test(arguments: Kind.allCases)
  func poolsDoNotKnowEachOther(_ kind: Kind) async throws {
    let bench = try await RecencyBench.make(kind)
    var choice = choice(.roundRobin)
    _ = try await bench.choose(choice)
    choice.pool = "q"
    #expect(try await bench.choose(choice) == 0)
    #expect(try await bench.store.state(of: pool()).lastUsedAt != nil)
  }

  @Test func aTaskRemembersItsProxyAndARepeatedRequestMarksOnce() async throws {
    let bench = try await QueueBench.make()
    try await bench.submit()
    try await bench.join("w")
    let task = try await bench.one("w")
    let request = UUIDv7.make()
    for _ in 0..<2 {
      #expect(try await bench.queue.chooseProxy(choice(.roundRobin), task: task, requestID: request) == 0)
    }
    #expect(try await bench.queue.task(task.taskID)?.task.proxy == names[0])
    var stale = task
    stale.runID = "another"
    #expect(try await bench.queue.chooseProxy(choice(.roundRobin), task: stale, requestID: UUIDv7.make()) == 1)
    #expect(try await bench.queue.task(task.taskID)?.task.proxy == names[0], "not its run any more")
  }
}
