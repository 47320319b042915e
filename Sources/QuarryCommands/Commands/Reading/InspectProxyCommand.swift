import QuarryCore
import QuarryRuntime

struct InspectProxyCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxy",
    abstract: "Shows one pool of proxies, and with --fleet or --redis what the fleet remembers of it.")

  @Argument(help: ArgumentHelp("The pool's name.", valueName: "pool"))
  var pool: String
  @OptionGroup var place: PoolOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  private static let place = "in the configuration (--config FILE, under 'proxies')"

  func document(in context: CommandContext) async throws -> Output {
    let configuration = try place.configuration(in: context)
    let pools = try ProxySettings.pools(place.file, configuration, context, context.console)
    guard let pool = pools.first(where: { $0.name == pool }) else {
      throw NotFound.unknown("proxy pool", pool, Self.place, among: pools.map(\.name), list: "quarry list pools")
    }
    for warning in pool.warnings() { context.console.warn(warning) }
    let state = try await place.ask(configuration, in: context) { store throws(QuarryError) in
      try await store.state(of: pool)
    }
    return .pool(pool, state)
  }
}
