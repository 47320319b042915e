import QuarryCore
import QuarryFleet
import QuarryRuntime

/// Which pools a reading command knows, and where their choices are remembered.
struct PoolOptions: ParsableArguments {
  @OptionGroup var fleet: FleetOptions
  @OptionGroup var file: ProxyFileOptions

  func configuration(in context: CommandContext) throws(QuarryError) -> Configuration {
    try ConfigurationLoader.load(fleet.config, in: context)
  }

  /// The store of the fleet that is named; without one what a new process would begin with.
  func ask<Answer: Sendable>(
    _ configuration: Configuration, in context: CommandContext,
    _ question: (any RecencyStore) async throws(QuarryError) -> Answer
  ) async throws(QuarryError) -> Answer {
    let named = [fleet.redis, fleet.fleet, configuration.fleet.redis, configuration.fleet.name].contains { $0 != nil }
    guard named else {
      context.console.say(
        "no fleet is named (--fleet, --redis): this is how a process of its own begins, which remembers nothing after")
      return try await question(MemoryRecencyStore())
    }
    let address = try FleetAddress(fleet, configuration: configuration.fleet, in: context)
    return try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      try await question(RedisRecencyStore(queue))
    }
  }
}
