import QuarryCore
import QuarryLode

struct ArtifactCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "artifact", abstract: "Gets artifacts and stored files out of a dataset.",
    subcommands: [ArtifactGetCommand.self])
}

struct ArtifactGetCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get",
    abstract:
      "Writes an artifact, or a file that the script stored, to a file of its own: whole and checked, or not at all.")

  @Argument(help: ArgumentHelp("The run's id.", valueName: "run"))
  var run: String
  @Argument(
    help: ArgumentHelp(
      "The artifact's name or id, or the stored file's name; files/NAME for the file where both have one name.",
      valueName: "name"))
  var name: String
  @Option(
    "o", "output",
    help: ArgumentHelp(
      "The file to write, - for stdout. Default: the artifact's own name, in the working directory.", valueName: "file")
  )
  var output: String?
  @Flag("force", help: "Replace a file that is there.")
  var force = false
  @OptionGroup(title: "Where it is") var dataset: DatasetOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let reader = try dataset.reader(in: context)
    let content = try find(in: reader, context)
    if let fault = content.fault {
      throw NotFound("'\(name)' of run '\(run)' cannot be had whole: \(fault)")
    }
    if output == "-" { return try await print(content, reader, context) }
    let path = try ContentPath.absolute(output, for: content, in: context)
    do throws(QuarryError) {
      try ContentFile(path, replaces: force).write(content, from: reader)
    } catch {
      guard error.kind != .usage else { throw error }
      context.console.report(error)
      return ExitCode.failure
    }
    context.console.say("\(path): \(content.size) bytes\(content.contentType.map { ", \($0)" } ?? "")")
    return context.endOfReading
  }

  private func find(in reader: LodeReader, _ context: CommandContext) throws -> StoredContent {
    var warnings: [String] = []
    let stored = try reader.run(run, types: ["artifact"]) { if !warnings.contains($0) { warnings.append($0) } }
    context.passOver(warnings)
    guard let detail = stored else {
      try NotFound.require(reader)
      throw NotFound(
        "no run '\(run)' \(context.whatWasRead(reader))",
        remedy: "`quarry list runs\(try dataset.flags(in: context))` shows those there are")
    }
    let found = detail.contents(name)
    guard let first = found.first else {
      throw nothing(detail, isCutShort: !warnings.isEmpty, flags: reader.layout.flags)
    }
    guard found.count == 1 else {
      throw QuarryError(
        .usage, "run '\(run)' has \(found.count) times '\(name)'",
        remedy: "name one of them: " + found.prefix(5).map(detail.exactName).joined(separator: ", "))
    }
    return first
  }

  /// An artifact bears its name in its commit alone: where that is cut off or was never stored, what is there has none.
  private func nothing(_ detail: RunDetail, isCutShort: Bool, flags: String) -> NotFound {
    let subject = isCutShort ? "what can be read of run '\(run)'" : "run '\(run)'"
    let verify = "`quarry lode verify\(flags)` says"
    let mend = "put back what is named above from a copy of the dataset; \(verify) what else is damaged"
    let nameless = detail.artifacts.filter(\.isOrphan)
    if !nameless.isEmpty {
      let sizes = nameless.prefix(5).map { "\($0.id) (\($0.size) bytes)" }.joined(separator: ", ")
      return NotFound(
        "\(subject) has no artifact and no file '\(name)', but bytes of \(nameless.count) whose commits, which hold "
          + "their names, are not stored: \(sizes)",
        remedy: isCutShort ? mend : "\(verify) whether something is damaged")
    }
    let known = detail.artifacts.compactMap(\.name) + detail.sidecarFiles.map(\.filename)
    return NotFound(
      "\(subject) has no artifact and no file '\(name)'",
      remedy: isCutShort
        ? mend
        : Nearest.to(name, among: known).map { "did you mean '\($0)'?" }
          ?? "`quarry inspect run \(RunNarration.word(run))\(flags)` shows what it has")
  }

  private func print(
    _ content: StoredContent, _ reader: LodeReader, _ context: CommandContext
  ) async throws -> Int32 {
    let console = context.console
    let result = await OwnThread.run {
      Result { () throws(QuarryError) in
        try reader.read(content) { bytes in
          console.printOut(bytes)
          return console.isOutputOpen()
        }
      }
    }
    do { try result.get() } catch {
      console.report(QuarryError(.storage, "\(error.message); what was printed is not whole"))
      return ExitCode.failure
    }
    return context.endOfReading
  }
}
