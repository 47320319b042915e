import QuarryCore
import QuarryFleet
import QuarryLode

struct InspectExecutorCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "executor",
    abstract: "Shows one executor: a worker's with --fleet or --redis, else what the metrics of its runs say.")

  @Argument(help: ArgumentHelp("The executor's id, as `list executors` shows it.", valueName: "id"))
  var id: String
  @OptionGroup var filters: RunFilterOptions
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    let executors = try await Executors.read(place, filters.filter, filters.given, in: context)
    guard let executor = executors.first(where: { $0.id == id }) else {
      var flags = ""
      if case .dataset(let reader) = try place.source(in: context) {
        try NotFound.require(reader)
        flags = reader.layout.flags
      }
      throw NotFound.unknown(
        "executor", id, "in what was asked for", among: executors.map(\.id), list: "quarry list executors\(flags)")
    }
    return .executorRow(executor)
  }
}
