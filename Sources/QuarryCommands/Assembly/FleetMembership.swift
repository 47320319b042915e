import Glibc
import QuarryCore
import QuarryFleet
import RedisClient

/// This process' use of a fleet's Redis: the one that was named, or the one that the fleet's members on this machine
/// share and that stops with the last of them.
struct FleetMembership: Sendable {
  let connection: RedisConnection
  private let embedded: EmbeddedRedis?

  /// - Parameters:
  ///   - name: what the connection calls itself, for `CLIENT LIST`.
  ///   - tally: counts what it and its siblings do.
  /// - Throws: `QuarryError(.redis)` saying what to change.
  static func join(
    _ address: FleetAddress, name: String, in context: CommandContext, tally: RedisTally? = nil
  ) async throws(QuarryError) -> FleetMembership {
    if let endpoint = address.endpoint {
      return FleetMembership(
        connection: try await FleetRedis.connect(endpoint, name: name, console: context.console, tally: tally),
        embedded: nil)
    }
    let embedded = try await EmbeddedRedis.join(fleet: address.name, environment: context.environment)
    do {
      return FleetMembership(
        connection: try await FleetRedis.connect(
          embedded.endpoint, name: name, console: context.console, tally: tally),
        embedded: embedded)
    } catch {
      embedded.leave()
      throw error
    }
  }

  /// For commands that only read: an embedded Redis that was never begun is not begun by looking.
  static func look(
    _ address: FleetAddress, in context: CommandContext
  ) async throws(QuarryError) -> FleetMembership {
    if address.endpoint == nil {
      let paths = try EmbeddedPaths(fleet: address.name, environment: context.environment)
      guard access(paths.state, F_OK) == 0 else {
        throw QuarryError(
          .redis, "there is no fleet '\(address.name)' on this machine",
          remedy:
            "name its Redis with --redis URL, or start it with `quarry coordinator\(address.flags)` or `quarry worker\(address.flags)`"
        )
      }
    }
    return try await join(address, name: "quarry-reader", in: context)
  }

  func leave() {
    connection.close()
    embedded?.leave()
  }
}
