import QuarryCore
import QuarryLode

struct LodeRepairCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract:
      "Puts back what was committed and got lost: `latest`, manifests, whole snapshots; also while others write.",
    discussion: """
      Each snapshot has one manifest, and a copy of it in each partition: any of them is enough to write the others \
      again. `latest` names the newest snapshot that was committed. A snapshot that later ones do not follow is committed \
      again after them, unless its records have been; its old manifests are removed then. What lies in the place of a \
      manifest is moved aside. Data that is gone comes from a copy of the dataset alone. No data is changed.
      """)

  @OptionGroup var sweep: SweepOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let (store, layout) = try sweep.layout("put back", in: context)
    let repair = ManifestRepair(store, layout: layout)
    let (found, failure) = await OwnThread.run { [sweep] () -> (FoundMissing, QuarryError?) in
      var found = FoundMissing(limit: sweep.shown)
      do throws(QuarryError) {
        found.rest = try repair.repair(writes: sweep.confirmation.yes) { found.add($0) }
        return (found, nil)
      } catch { return (found, error) }
    }
    // What was done before a failure is told as well.
    if let failure, found.isEmpty { throw failure }
    try output.render(.missing(found, folder: layout.folder), in: context)
    if let failure { context.console.report(failure) }
    let complaints = found.complaints(in: layout)
    for complaint in complaints { context.console.say(complaint) }
    return failure == nil && complaints.isEmpty ? 0 : ExitCode.failure
  }
}

private struct FoundMissing: Sendable {
  private let limit: Int
  private(set) var shown: [MissingManifest] = []
  private var firstProblem: String?
  private var counts: [MissingManifest.Fate: Int] = [:]
  /// A sentence for each thing that is damaged all the same.
  var rest: [String] = []

  init(limit: Int) { self.limit = limit }

  var isEmpty: Bool { counts.isEmpty }

  func count(_ fate: MissingManifest.Fate) -> Int { counts[fate] ?? 0 }

  /// Why the dataset is not whole by then.
  func complaints(in layout: DatasetLayout) -> [String] {
    var complaints = rest
    if count(.failed) > 0 {
      complaints.append("\(count(.failed)) could not be put back: \(firstProblem ?? "see their folders")")
    }
    if count(.dataless) > 0 {
      complaints.append(
        "\(count(.dataless)) are gone with their records: only a copy of the dataset brings those back "
          + "(a file in \(layout.removed) that has a run's id as its name says that the run was removed)")
    }
    return complaints
  }

  mutating func add(_ manifest: MissingManifest) {
    counts[manifest.fate, default: 0] += 1
    if manifest.fate == .failed { firstProblem = firstProblem ?? manifest.problem }
    if shown.count < limit { shown.append(manifest) }
  }
}

extension Output {
  fileprivate static func missing(_ found: FoundMissing, folder: String) -> Output {
    let values: [(String, JSONValue)] =
      [("dataset", .string(folder))] + MissingManifest.Fate.allCases.map { ($0.rawValue, .count(found.count($0))) }
    let rows = found.shown.map { manifest in
      Output.record([
        ("state", .string(manifest.fate.rawValue)), ("snapshot", .string("\(manifest.snapshot)")),
        ("path", .string(manifest.path)), ("problem", .optional(manifest.problem)),
      ])
    }
    return .record(
      values.map { Field(name: $0.0, value: .value($0.1)) } + [Field(name: "manifests", value: .list(rows))])
  }
}
