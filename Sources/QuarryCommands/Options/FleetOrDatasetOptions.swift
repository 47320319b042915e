import QuarryCore
import QuarryFleet
import QuarryLode

/// Where a reading command looks for a fleet's tasks and jobs: live in its Redis when the fleet is named, else in the
/// dataset and its ledger.
struct FleetOrDatasetOptions: ParsableArguments {
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var storage: StorageOptions

  enum Source {
    case live(FleetAddress)
    case dataset(LodeReader)
  }

  func source(in context: CommandContext) throws -> Source {
    let configuration = try ConfigurationLoader.load(fleet.config, in: context)
    let named = [fleet.redis, fleet.fleet, configuration.fleet.redis, configuration.fleet.name].contains { $0 != nil }
    if named { return .live(try FleetAddress(fleet, configuration: configuration.fleet, in: context)) }
    return .dataset(
      try storage.reader(
        configuration,
        remedy: "name the folder that holds the data with --storage-path DIR, or a live fleet with --fleet or --redis",
        in: context))
  }

  /// What leads another command to the same dataset, for hints; empty or with a space before it.
  func flags(in context: CommandContext) throws(QuarryError) -> String {
    let configuration = try ConfigurationLoader.load(fleet.config, in: context)
    return RunNarration.flags(try StorageSettings(storage, configuration: configuration.storage, context: context))
  }
}

/// A fleet's queue for as long as a reading command asks it.
enum LiveFleet {
  static func ask<Answer: Sendable>(
    _ address: FleetAddress, in context: CommandContext,
    _ question: (FleetQueue) async throws(QuarryError) -> Answer
  ) async throws(QuarryError) -> Answer {
    let membership = try await FleetMembership.look(address, in: context)
    defer { membership.leave() }
    let found = try await FleetQueue.find(
      membership.connection, fleet: address.name, actor: "reader-" + ProcessName.make(),
      flags: FleetFlags(fleet: address.flags))
    guard let queue = found else {
      throw QuarryError(
        .redis, "there is no fleet '\(address.name)' in \(membership.connection.endpoint)",
        remedy: "name another with --fleet NAME, or another Redis with --redis URL")
    }
    defer { queue.close() }
    return try await question(queue)
  }

  /// Says why the coordinator that leads is not well, which no list shows.
  static func tellHealth(_ fleet: FleetView, in context: CommandContext) {
    guard let leader = fleet.leader, let health = fleet.leaderHealth else { return }
    context.console.warn("coordinator \(leader), which leads the fleet, is not well: \(health)")
  }
}
