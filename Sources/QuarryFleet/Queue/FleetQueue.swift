import QuarryCore
import RedisClient
import Synchronization

/// The fleet's queue as one process sees it: each transition of a task is one call, and one Lua script.
///
/// Every call may be sent again with the same request id after a lost reply: it then changes nothing and answers the
/// same. All calls throw `QuarryError(.redis)` for what trying again may heal (Redis away, memory full) and
/// `QuarryError(.fleet)` when this Redis does not hold the fleet that the process joined; nothing was changed then.
package struct FleetQueue: Sendable {
  package let fleet: String
  package let keys: Keys
  /// The worker or coordinator that asks; the last replies are kept under it.
  package let actor: String
  /// Random; names the fleet's state in this Redis. Another one means that the state was lost.
  package let generation: String
  /// For the commands that its errors name.
  package let flags: FleetFlags
  let links: Links
  let variation: QueueVariation

  /// The connections: one for calls, and one for each kind of call that blocks, made when first used.
  final class Links: Sendable {
    let calls: RedisConnection
    /// Of the worker that joined through this queue.
    let storage = Mutex("")
    private let blocking = Mutex<[String: RedisConnection]>([:])

    init(_ calls: RedisConnection) { self.calls = calls }

    func blocking(_ duty: String) -> RedisConnection {
      blocking.withLock { links in
        if let link = links[duty] { return link }
        let link = calls.sibling(name: "quarry-\(duty)")
        links[duty] = link
        return link
      }
    }

    func drop(_ duty: String) {
      blocking.withLock { $0.removeValue(forKey: duty) }?.close()
    }

    func close() {
      for link in blocking.withLock({ Array($0.values) }) { link.close() }
      calls.close()
    }
  }

  /// Joins the fleet, and makes its state when this Redis holds none.
  /// - Parameters:
  ///   - connection: owned by the queue from now on.
  ///   - actor: id of the worker or coordinator; letters, digits and `. _ -`.
  ///   - timing: the lease of a fleet that is made now; jobs that come with their own replace it.
  ///   - flags: for the commands that errors name.
  /// - Throws: `QuarryError(.usage)` for a bad name and for a fleet of another layout, `.redis` when Redis cannot be asked.
  package static func open(
    _ connection: RedisConnection, fleet: String, actor: String, timing: LeaseTiming = LeaseTiming(),
    flags: FleetFlags = FleetFlags(), variation: QueueVariation = QueueVariation()
  ) async throws(QuarryError) -> FleetQueue {
    let keys = try Keys(fleet: fleet)
    try check(actor, as: "worker or coordinator")
    let command = RedisCommand.script(
      variation.scripts["found"] ?? Script.found.script, keys: [.text(keys.meta)],
      arguments: [
        .text(variation.makeID()), .integer(timing.lease.milliseconds), .integer(timing.heartbeat.milliseconds),
        .text(Version.current), .text(Keys.layout),
      ])
    let reply = try await answer("found", for: flags) { () async throws(RedisError) in
      try await connection.send(command, repeatable: true)
    }
    guard let generation = reply[0]?.text else { throw unexpected(reply, from: "found") }
    try check(maker: reply, of: fleet, at: connection, flags)
    return FleetQueue(
      fleet: fleet, keys: keys, actor: actor, generation: generation, flags: flags, links: Links(connection),
      variation: variation)
  }

  /// Looks at a fleet without making it: for reading commands.
  /// - Returns: nil when this Redis holds no fleet of the name; the connection is then left as it was.
  /// - Throws: as `open`.
  package static func find(
    _ connection: RedisConnection, fleet: String, actor: String = "reader", flags: FleetFlags = FleetFlags()
  ) async throws(QuarryError) -> FleetQueue? {
    let keys = try Keys(fleet: fleet)
    let reply = try await answer("meta", for: flags) { () async throws(RedisError) in
      try await connection.send(["HMGET", .text(keys.meta), "generation", "version", "layout"], repeatable: true)
    }
    guard let generation = reply[0]?.text else { return nil }
    try check(maker: reply, of: fleet, at: connection, flags)
    return FleetQueue(
      fleet: fleet, keys: keys, actor: actor, generation: generation, flags: flags, links: Links(connection),
      variation: QueueVariation())
  }

  /// A fleet's keys are read and written by builds of one layout only.
  /// - Parameter maker: generation, version and layout; a fleet that names no layout has the first.
  private static func check(
    maker: RedisReply, of fleet: String, at connection: RedisConnection, _ flags: FleetFlags
  ) throws(QuarryError) {
    let layout = maker[2]?.text ?? "1"
    guard layout != Keys.layout else { return }
    let version = maker[1]?.text ?? "of an unknown version"
    throw QuarryError(
      .usage,
      "fleet '\(fleet)' in Redis at \(connection.endpoint) was made by quarry \(version) with layout \(layout) of its keys; this is quarry \(Version.current), which has layout \(Keys.layout)",
      remedy:
        "let its jobs end with the quarry that made it, or name another fleet with --fleet; or stop its workers, delete its keys (quarry:{\(fleet)}:*) and bring its jobs back from their ledgers: \(flags.rebuild())"
    )
  }

  /// Ends all of its connections; calls in flight fail.
  package func close() { links.close() }

  static func check(_ id: String, as what: String) throws(QuarryError) {
    guard Keys.isName(id, longest: 128) else {
      throw QuarryError(
        .usage, "'\(id)' cannot be the id of a \(what)", remedy: "Use 1 to 128 of the characters A-Z a-z 0-9 . _ -")
    }
  }
}

extension FleetQueue {
  /// Calls a script with the generation, the request id and the actor in front of its own arguments.
  /// - Parameter limit: how long it may take; nil: as long as the connection's calls may.
  func call(
    _ script: Script, _ arguments: [RedisArgument] = [], requestID: String = "", actor: String? = nil,
    within limit: Duration? = nil
  ) async throws(QuarryError) -> RedisReply {
    let command = command(script, arguments, requestID: requestID, actor: actor)
    return try await answer(script.name) { () async throws(RedisError) in try await send(command, within: limit) }
  }

  /// A script that is flushed again between its loading and its call did nothing: it is simply called again.
  func send(_ command: RedisCommand, within limit: Duration?) async throws(RedisError) -> RedisReply {
    for _ in 0..<3 {
      do throws(RedisError) { return try await links.calls.send(command, timeout: limit, repeatable: true) } catch {
        guard error.code == "NOSCRIPT" else { throw error }
      }
    }
    return try await links.calls.send(command, timeout: limit, repeatable: true)
  }

  func command(
    _ script: Script, _ arguments: [RedisArgument], requestID: String, actor: String?
  ) -> RedisCommand {
    .script(
      variation.scripts[script.name] ?? script.script, keys: [.text(keys.meta)],
      arguments: [.text(generation), .text(requestID), .text(actor ?? self.actor)] + arguments)
  }

  func answer(
    _ what: String, _ body: () async throws(RedisError) -> RedisReply
  ) async throws(QuarryError) -> RedisReply {
    try await Self.answer(what, for: flags, body)
  }

  private static func answer(
    _ what: String, for flags: FleetFlags, _ body: () async throws(RedisError) -> RedisReply
  ) async throws(QuarryError) -> RedisReply {
    do throws(RedisError) { return try await body() } catch { throw translate(error, what, flags) }
  }

  private static func translate(_ error: RedisError, _ what: String, _ flags: FleetFlags) -> QuarryError {
    switch error.code {
    case "LOST":
      QuarryError(
        .fleet,
        "Redis at \(error.endpoint) does not hold the fleet that this process joined: its data was lost or replaced",
        remedy: flags.afterLoss())
    case "OOM":
      QuarryError(
        .redis, "Redis at \(error.endpoint) has no memory left: nothing new is taken (\(what))",
        remedy: "Raise maxmemory of the server; runs that end are still recorded meanwhile.", isAnswer: true)
    default:
      QuarryError(.redis, "\(what): \(error.message)", remedy: error.remedy, isAnswer: error.code != nil)
    }
  }

  static func unexpected(_ reply: RedisReply, from what: String) -> QuarryError {
    QuarryError(.redis, "the queue's script '\(what)' answered what it never should: \(reply)", isAnswer: true)
  }
}
