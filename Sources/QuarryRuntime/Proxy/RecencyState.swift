import QuarryCore

/// What is remembered of one pool, and the rules of its choices. `proxy_choose.lua` has the same rules.
struct RecencyState {
  private struct Sticky {
    var endpoint: String
    var until: Timestamp?
  }
  private struct RestKey: Hashable {
    var endpoint: String
    /// nil: all hosts.
    var host: String?
  }

  private var count: Int64 = 0
  private var turn = 0
  private var rotations: Int64 = 0
  private var lastUsedAt: Timestamp?
  /// The number of each endpoint's last choice.
  private var ranks: [String: Int64] = [:]
  private var sticky: [String: Sticky] = [:]
  private var resting: [RestKey: Timestamp] = [:]

  /// Marks nothing.
  func look(_ choice: ProxyChoice, at now: Timestamp) -> Int { candidate(choice, at: now).place }

  mutating func choose(_ choice: ProxyChoice, at now: Timestamp) -> Int {
    forgetWhatIsOver(at: now)
    let (place, isKept) = candidate(choice, at: now)
    count += 1
    lastUsedAt = now
    ranks[choice.endpoints[place]] = count
    if choice.strategy == .roundRobin { turn = (place + 1) % choice.endpoints.count }
    if choice.strategy == .sticky, !isKept, let key = choice.stickyKey {
      sticky[key] = Sticky(endpoint: choice.endpoints[place], until: choice.stickyTTL.map { now + $0 })
    }
    return place
  }

  mutating func rest(_ rest: ProxyRest, at now: Timestamp) {
    forgetWhatIsOver(at: now)
    rotations += 1
    let key = RestKey(endpoint: rest.endpoint, host: rest.host)
    resting[key] = max(resting[key] ?? now, now + rest.time)
    if let key = rest.stickyKey, sticky[key]?.endpoint == rest.endpoint { sticky[key] = nil }
  }

  func state(window: Int, at now: Timestamp) -> ProxyPoolState {
    var state = ProxyPoolState()
    state.roundRobinIndex = turn
    state.stickyEntries = sticky.values.count { $0.until.map { $0 > now } ?? true }
    state.recencyFill = ranks.values.count { $0 > count - Int64(window) }
    state.choices = count
    state.rotations = rotations
    state.lastUsedAt = lastUsedAt
    state.resting = resting.filter { $0.value > now }
      .map { .init(endpoint: $0.key.endpoint, host: $0.key.host, until: $0.value) }
      .sorted { ($0.endpoint, $0.host ?? "") < ($1.endpoint, $1.host ?? "") }
    return state
  }

  // MARK: Rules

  private func candidate(_ choice: ProxyChoice, at now: Timestamp) -> (place: Int, isKept: Bool) {
    let all = Array(choice.endpoints.indices)
    let awake = all.filter { !isResting(choice.endpoints[$0], choice.host, at: now) }
    let usable = awake.isEmpty ? all : awake
    switch choice.strategy {
    case .roundRobin: return (inTurn(all.count, usable), false)
    case .random: return (atRandom(choice, usable), false)
    case .sticky:
      if let place = kept(choice, usable, at: now) { return (place, true) }
      return (atRandom(choice, usable), false)
    }
  }

  private func isResting(_ endpoint: String, _ host: String?, at now: Timestamp) -> Bool {
    [nil, host].contains { scope in resting[RestKey(endpoint: endpoint, host: scope)].map { $0 > now } ?? false }
  }

  private func inTurn(_ count: Int, _ usable: [Int]) -> Int {
    usable.min { ($0 - turn % count + count) % count < ($1 - turn % count + count) % count } ?? 0
  }

  private func kept(_ choice: ProxyChoice, _ usable: [Int], at now: Timestamp) -> Int? {
    guard let key = choice.stickyKey, let entry = sticky[key], entry.until.map({ $0 > now }) ?? true else { return nil }
    return usable.first { choice.endpoints[$0] == entry.endpoint }
  }

  /// The window is the harder bound: rather one that rests than one of the last choices.
  private func atRandom(_ choice: ProxyChoice, _ usable: [Int]) -> Int {
    let window = choice.recencyWindow
    var free = outside(choice, usable)
    if free.isEmpty, window < choice.endpoints.count { free = outside(choice, Array(choice.endpoints.indices)) }
    let leastRecent = usable.min { rank(choice, $0) < rank(choice, $1) } ?? 0
    return free.randomElement() ?? leastRecent
  }

  private func outside(_ choice: ProxyChoice, _ places: [Int]) -> [Int] {
    guard choice.recencyWindow > 0 else { return places }
    return places.filter { place in
      let last = rank(choice, place)
      return last < 0 || last <= count - Int64(choice.recencyWindow)
    }
  }

  private func rank(_ choice: ProxyChoice, _ place: Int) -> Int64 { ranks[choice.endpoints[place]] ?? -1 }

  private mutating func forgetWhatIsOver(at now: Timestamp) {
    sticky = sticky.filter { $0.value.until.map { $0 > now } ?? true }
    resting = resting.filter { $0.value > now }
  }
}

extension Timestamp {
  fileprivate static func + (time: Timestamp, duration: Duration) -> Timestamp {
    Timestamp(nanoseconds: time.nanoseconds + duration.milliseconds * 1_000_000)
  }
}
