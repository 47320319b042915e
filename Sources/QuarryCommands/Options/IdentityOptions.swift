import QuarryCore

/// Which run this is.
struct IdentityOptions: ParsableArguments {
  @Option("run-id", help: ArgumentHelp("The run's id, unique for all time. Default: a new UUIDv7.", valueName: "id"))
  var runId: String?

  @Option("job-id", help: ArgumentHelp("The job that the run belongs to.", valueName: "id"))
  var jobId: String?

  @Option(
    "attempt", help: ArgumentHelp("Which attempt this is; above 1 needs --parent-run-id. Default: 1.", valueName: "n"),
    transform: Reading.positive)
  var attempt: Int?

  @Option("parent-run-id", help: ArgumentHelp("The run that is tried again.", valueName: "id"))
  var parentRunId: String?

  /// - Throws: `QuarryError(.usage)` where attempt and parent do not belong together, or an id is no id.
  func identity() throws(QuarryError) -> RunIdentity {
    let attempt = attempt ?? 1
    switch (attempt, parentRunId) {
    case (2..., nil):
      throw QuarryError(
        .usage, "--attempt \(attempt) needs the run that is tried again", remedy: "add --parent-run-id ID")
    case (1, _?):
      throw QuarryError(
        .usage, "--parent-run-id is for a further attempt", remedy: "add --attempt 2 or above, or leave the parent out")
    default: break
    }
    if let jobId { try RunPartition.validate(jobId, as: "job_id") }
    if let parentRunId { try RunPartition.validate(parentRunId, as: "parent_run_id") }
    if let runId { try RunPartition.validate(runId, as: "run_id") }
    if let runId, runId.hasPrefix("-") {
      throw QuarryError(
        .usage, "run_id '\(runId)' would pass for a flag where commands name it",
        remedy: "begin it with another character")
    }
    if let runId, runId == parentRunId {
      throw QuarryError(
        .usage, "run '\(runId)' cannot be its own parent", remedy: "give --run-id another id, or leave it out")
    }
    return RunIdentity(runID: runId ?? UUIDv7.make(), attempt: attempt, jobID: jobId, parentRunID: parentRunId)
  }
}

/// Where in the dataset the records go.
struct PartitionOptions: ParsableArguments {
  @Option(
    "source",
    help: ArgumentHelp("What the data is about. Default: the script's name without its ending.", valueName: "name"))
  var source: String?

  @Option("category", help: ArgumentHelp("A kind of data within the source. Default: default.", valueName: "name"))
  var category: String?

  static let defaultCategory = "default"

  /// - Throws: `QuarryError(.usage)` for a name that cannot be part of a path.
  func names(
    configuration: Configuration, script: String
  ) throws(QuarryError) -> (source: String, category: String) {
    let names = (
      source: source ?? configuration.source ?? Self.defaultSource(of: script),
      category: category ?? configuration.category ?? Self.defaultCategory
    )
    try RunPartition.validateSource(names.source)
    try RunPartition.validate(names.category, as: "category")
    return names
  }

  /// `list` for `…/list.ts`.
  static func defaultSource(of script: String) -> String {
    let name = script.split(separator: "/").last.map(String.init) ?? script
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return name }
    return String(name[..<dot])
  }
}
