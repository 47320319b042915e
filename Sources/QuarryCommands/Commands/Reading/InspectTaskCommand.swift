import QuarryCore
import QuarryFleet
import QuarryLode

struct InspectTaskCommand: ViewableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task",
    abstract: "Shows one task and why it waits: live with --fleet or --redis, else what the ledger has of it.")

  @Argument(help: ArgumentHelp("The task's id.", valueName: "id"))
  var id: String
  @OptionGroup var place: FleetOrDatasetOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var watch: WatchOptions
  @OptionGroup var view: ViewOptions

  func document(in context: CommandContext) async throws -> Output {
    switch try place.source(in: context) {
    case .live(let address):
      let task = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) -> TaskDetail? in
        guard var detail = try await queue.task(id) else { return nil }
        detail.task = detail.task.placed(by: try await queue.job(detail.task.jobID))
        return detail
      }
      guard let task else {
        throw NotFound(
          "no task '\(id)' in fleet '\(address.name)'",
          remedy:
            "`quarry list tasks\(address.flags)` shows those there are; older ones are in the dataset: --storage-path DIR alone"
        )
      }
      return .task(task)
    case .dataset(let reader):
      let (task, known) = try await Stored.ask { [id] () throws(QuarryError) in try Self.find(id, reader) }
      guard let task else {
        try NotFound.require(reader)
        let near = Nearest.all(to: id, among: known).map { "'\($0)'" }.joined(separator: " or ")
        throw NotFound(
          "no task '\(id)' in the ledger of this dataset",
          remedy: (near.isEmpty ? "" : "did you mean \(near)? ")
            + "a task that has not ended is only in its fleet: add --fleet NAME or --redis URL")
      }
      return .taskRow(task)
    }
  }

  func mayChange(_ document: Output) -> Bool { document.hasOpenState }

  /// - Returns: also ids that it may have been meant for.
  private static func find(_ id: String, _ reader: LodeReader) throws(QuarryError) -> (EndedTask?, [String]) {
    var found: EndedTask?
    var known: [String] = []
    try reader.forEachEndedTask { task in
      if task.taskID == id { found = task } else if known.count < 1_000 { known.append(task.taskID) }
    }
    return (found, known)
  }
}
