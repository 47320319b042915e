import QuarryCore

struct StatsExecutorsCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "executors",
    abstract:
      "Counts executors by state: those of a live fleet's workers with --fleet or --redis, else those that metrics name."
  )

  @OptionGroup var filters: JobRunFilterOptions
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    let executors = try await Executors.read(place, filters.filter, filters.given, in: context)
    if case .live = try place.source(in: context) { return .executorTotals(executors, isLive: true) }
    return .executorTotals(executors, isLive: false)
  }
}
