import QuarryCore
import QuarryLode

struct LodeVerifyCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Reads a whole dataset and says what is wrong with it, and where.",
    discussion: """
      Snapshots and their order, files with their sizes and checksums, each line, each run's sequence, artifacts and metrics. \
      What a crash left behind, and runs without an end, are notes. Exit code 1 when anything is damaged or missing.
      """)

  @Option(
    "limit",
    help: ArgumentHelp(
      "Show at most so many errors, and as many notes; all are counted. Default: 1000.", valueName: "n"),
    transform: Reading.positive)
  var limit: Int?
  @OptionGroup var dataset: DatasetOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let reader = try dataset.reader(in: context)
    let limit = limit ?? 1_000
    let result = await OwnThread.run {
      Result { () throws(QuarryError) in
        var findings = KeptFindings(limit: limit)
        let figures = try reader.verify { findings.add($0) }
        return (figures, findings)
      }
    }
    let (figures, findings) = try result.get()
    guard figures.snapshots > 0 || figures.errors > 0 else {
      throw NotFound.nothing("dataset", in: reader)
    }
    try output.render(.verified(figures, findings.all, folder: reader.layout.folder), in: context)
    if findings.mayBeRepaired {
      context.console.say("`quarry lode repair --dry-run\(reader.layout.flags)` shows what of it can be put back")
    }
    if findings.isCut { context.console.say("more was found than is shown: --limit N shows more") }
    return figures.errors == 0 ? 0 : ExitCode.failure
  }
}

/// The first errors and the first notes.
private struct KeptFindings: Sendable {
  let limit: Int
  private var errors: [Finding] = []
  private var notes: [Finding] = []
  private(set) var isCut = false

  init(limit: Int) { self.limit = limit }

  var all: [Finding] { errors + notes }
  /// Snapshots are concerned, and not what is in them.
  var mayBeRepaired: Bool { errors.contains { [.pointer, .manifest, .chain].contains($0.kind) } }

  mutating func add(_ finding: Finding) {
    switch finding.severity {
    case .error where errors.count < limit: errors.append(finding)
    case .note where notes.count < limit: notes.append(finding)
    default: isCut = true
    }
  }
}

extension Output {
  fileprivate static func verified(_ figures: VerifyFigures, _ findings: [Finding], folder: String) -> Output {
    let values: [(String, JSONValue)] = [
      ("dataset", .string(folder)), ("state", .string(figures.errors == 0 ? "clean" : "damaged")),
      ("snapshots", .count(figures.snapshots)), ("runs", .count(figures.runs)), ("files", .count(figures.files)),
      ("records", .integer(figures.records)), ("bytes", .integer(figures.bytes)),
      ("artifacts", .count(figures.artifacts)), ("sidecar_files", .count(figures.sidecarFiles)),
      ("errors", .count(figures.errors)), ("notes", .count(figures.notes)),
    ]
    return .record(
      values.map { Field(name: $0.0, value: .value($0.1)) }
        + [Field(name: "findings", value: .list(findings.map(finding)))])
  }

  private static func finding(_ finding: Finding) -> Output {
    .record([
      ("severity", .string(finding.severity.rawValue)), ("kind", .string(finding.kind.rawValue)),
      ("place", .string(finding.place)), ("run_id", .optional(finding.runID)), ("message", .string(finding.message)),
    ])
  }
}
