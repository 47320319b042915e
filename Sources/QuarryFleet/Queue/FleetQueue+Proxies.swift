import QuarryCore
import RedisClient

// Pools of proxies that the whole fleet shares.

extension FleetQueue {
  /// Chooses an endpoint and, unless it is only a look, marks the choice in the same step.
  /// - Parameter task: the claimed task whose run gets the proxy; it remembers the endpoint's name.
  /// - Returns: the endpoint's place in `endpoints`.
  package func chooseProxy(
    _ choice: ProxyChoice, marks: Bool = true, task: TaskAssignment? = nil, requestID: String
  ) async throws(QuarryError) -> Int {
    guard !choice.endpoints.isEmpty else { throw QuarryError(.usage, "pool '\(choice.pool)' has no endpoints") }
    try Self.check(choice.pool, as: "pool")
    let arguments: [RedisArgument] = [
      .text(choice.pool), .text(choice.strategy.rawValue), marks ? 1 : 0, .integer(Int64(choice.recencyWindow)),
      .text(choice.stickyKey ?? ""), .integer(choice.stickyTTL?.milliseconds ?? 0),
      .text(choice.host.map(WorkHost.normalise) ?? ""), .integer(variation.makeSeed()),
      .text(task?.taskID ?? ""), .text(task?.runID ?? ""),
    ]
    let reply = try await call(.proxyChoose, arguments + choice.endpoints.map { .text($0) }, requestID: requestID)
    guard let place = reply[0]?.int, choice.endpoints.indices.contains(Int(place)) else {
      throw Self.unexpected(reply, from: "proxy_choose")
    }
    return Int(place)
  }

  package func restProxy(_ rest: ProxyRest) async throws(QuarryError) {
    try Self.check(rest.pool, as: "pool")
    _ = try await call(
      .proxyCool,
      [
        .text(rest.pool), .text(rest.endpoint), .text(rest.host.map(WorkHost.normalise) ?? ""),
        .integer(rest.time.milliseconds), .text(rest.stickyKey ?? ""),
      ])
  }

  package func proxyState(of pool: String, window: Int) async throws(QuarryError) -> ProxyPoolState {
    try Self.check(pool, as: "pool")
    let reply = try await call(.viewProxy, [.text(pool), .integer(Int64(window))])
    let numbers = reply.elements?.prefix(6).map { $0.int ?? 0 } ?? []
    guard numbers.count == 6, let resting = reply[6]?.elements else { throw Self.unexpected(reply, from: "view_proxy") }
    var state = ProxyPoolState()
    state.choices = numbers[0]
    state.roundRobinIndex = Int(numbers[1])
    state.rotations = numbers[2]
    state.lastUsedAt = numbers[3] > 0 ? Timestamp(nanoseconds: numbers[3] * 1_000_000) : nil
    state.stickyEntries = Int(numbers[4])
    state.recencyFill = Int(numbers[5])
    state.resting = stride(from: 0, to: resting.count - 1, by: 2).compactMap { index in
      Self.resting(resting[index].text, untilMilliseconds: resting[index + 1].int)
    }
    return state
  }

  /// A member is the endpoint, a space, and the host; nothing after the space means all hosts.
  private static func resting(_ member: String?, untilMilliseconds until: Int64?) -> ProxyPoolState.Resting? {
    guard let member, let until, let space = member.lastIndex(of: " ") else { return nil }
    let host = member[member.index(after: space)...]
    return ProxyPoolState.Resting(
      endpoint: String(member[..<space]), host: host.isEmpty ? nil : String(host),
      until: Timestamp(nanoseconds: until * 1_000_000))
  }
}

/// Choices of proxies that all workers of a fleet share.
package struct RedisRecencyStore: RecencyStore {
  private let queue: FleetQueue

  package init(_ queue: FleetQueue) { self.queue = queue }

  package func choose(_ choice: ProxyChoice, marks: Bool) async throws(QuarryError) -> Int {
    try await queue.chooseProxy(choice, marks: marks, requestID: UUIDv7.make())
  }

  package func rest(_ rest: ProxyRest) async throws(QuarryError) { try await queue.restProxy(rest) }

  package func state(of pool: ProxyPool) async throws(QuarryError) -> ProxyPoolState {
    try await queue.proxyState(of: pool.name, window: pool.recencyWindow ?? 0)
  }
}
