import QuarryCore
import QuarryFleet
import QuarryLode

struct StatsProxiesCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxies",
    abstract:
      "Counts the uses of each pool of proxies: those that metrics name, or with --fleet or --redis what the fleet remembers of the pools of --config."
  )

  @Option(
    "limit", help: ArgumentHelp("Only the newest so many runs. Default: all.", valueName: "n"),
    transform: Reading.positive)
  var limit: Int?
  @OptionGroup var filters: JobRunFilterOptions
  @OptionGroup var place: RunPlaceOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    switch try await place.source(in: context) {
    case .live(let address): try await live(address, in: context)
    case .dataset(let reader, _): try await stored(reader, in: context)
    }
  }

  private func stored(_ reader: LodeReader, in context: CommandContext) async throws -> Output {
    let filter = filters.filter
    let pools = try await Stored.list(in: context) { [filter, limit] () throws(QuarryError) in
      var tally = ProxyTally()
      let warnings = try reader.forEachMetrics(filter, limit: limit) { tally.add($1) }
      return Listing(rows: tally.byName, warnings: warnings)
    }
    if pools.isEmpty { try await Stored.explainNothing(filter, reader, in: context) }
    return .list(pools.map(Output.proxyFigures))
  }

  private func live(_ address: FleetAddress, in context: CommandContext) async throws -> Output {
    try StoredOnly.refuse(filters.given + [("--limit", limit != nil)])
    guard let pools = try ConfigurationLoader.load(place.fleet.config, in: context).proxies, !pools.isEmpty else {
      throw QuarryError(
        .usage, "a live fleet knows pools of proxies by their configuration only",
        remedy: "give the file that defines them with --config FILE, or a dataset with --storage-path DIR")
    }
    let states = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
      let store = RedisRecencyStore(queue)
      var states: [Output] = []
      for pool in pools { states.append(.proxyFigures(pool.name, try await store.state(of: pool))) }
      return states
    }
    return .list(states)
  }
}
