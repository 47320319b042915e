import QuarryCore
import QuarryLode

struct LodeGCCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc",
    abstract: "Removes what crashed writers left in a dataset; also while others write.",
    discussion: """
      Files and manifests that no snapshot names, unfinished files and empty folders. Nothing that counts is touched, and \
      nothing at all in a dataset of which a manifest cannot be read, or a snapshot is older than the newest and not \
      before it on the chain.
      """)

  @OptionGroup var sweep: SweepOptions
  @Option(
    "older-than",
    help: ArgumentHelp("Only what was last changed so long ago, at least 15m. Default: 1h.", valueName: "time"),
    transform: Reading.duration)
  var olderThan: Duration?
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let age = olderThan ?? .seconds(3_600)
    guard age >= LeftoverCollector.leastAge else {
      throw QuarryError(
        .usage, "--older-than \(age.shortText) is less than writers may need", remedy: "name at least 15m")
    }
    let (store, layout) = try sweep.layout("removed", in: context)
    let collector = LeftoverCollector(store, dataset: layout.dataset, age: age, flags: layout.flags)
    let (found, failure) = await OwnThread.run { [sweep] () -> (FoundLeftovers, QuarryError?) in
      var found = FoundLeftovers(limit: sweep.shown)
      do throws(QuarryError) {
        try collector.collect(removes: sweep.confirmation.yes) { found.add($0, $1) }
        return (found, nil)
      } catch { return (found, error) }
    }
    // What was done before a failure is told as well.
    if let failure, found.isEmpty { throw failure }
    try output.render(.leftovers(found, folder: layout.folder), in: context)
    if let failure {
      context.console.report(failure)
      return ExitCode.failure
    }
    if found.count(.failed) > 0 {
      context.console.say("\(found.count(.failed)) could not be removed: \(found.firstProblem ?? "see their folders")")
    }
    return found.count(.failed) == 0 ? 0 : ExitCode.failure
  }
}

private struct FoundLeftovers: Sendable {
  private let limit: Int
  private(set) var shown: [(leftover: Leftover, fate: LeftoverFate)] = []
  private(set) var firstProblem: String?
  private var figures: [LeftoverFate: (count: Int, bytes: Int64)] = [:]

  init(limit: Int) { self.limit = limit }

  var isEmpty: Bool { figures.isEmpty }

  func count(_ fate: LeftoverFate) -> Int { figures[fate]?.count ?? 0 }

  /// Bytes that went, or would go.
  var bytes: Int64 { (figures[.removed]?.bytes ?? 0) + (figures[.removable]?.bytes ?? 0) }

  mutating func add(_ leftover: Leftover, _ fate: LeftoverFate) {
    let before = figures[fate] ?? (0, 0)
    figures[fate] = (before.count + 1, before.bytes + leftover.size)
    firstProblem = firstProblem ?? leftover.problem.map { "\(leftover.path): \($0)" }
    if shown.count < limit { shown.append((leftover, fate)) }
  }
}

extension Output {
  fileprivate static func leftovers(_ found: FoundLeftovers, folder: String) -> Output {
    var values: [(String, JSONValue)] = [("dataset", .string(folder))]
    values += [LeftoverFate.removable, .removed, .young, .held, .failed].map { ($0.rawValue, .count(found.count($0))) }
    values.append(("bytes", .integer(found.bytes)))
    let rows = found.shown.map { leftover, fate in
      Output.record([
        ("state", .string(fate.rawValue)), ("kind", .string(leftover.kind.rawValue)), ("path", .string(leftover.path)),
        ("size", .integer(leftover.size)), ("modified_at", .string(leftover.modified.text())),
        ("problem", .optional(leftover.problem)),
      ])
    }
    return .record(
      values.map { Field(name: $0.0, value: .value($0.1)) } + [Field(name: "leftovers", value: .list(rows))])
  }
}
