import QuarryCore
import QuarryLode

/// Questions to stored data.
enum Stored {
  /// Asks on a thread of its own: a reader blocks.
  static func ask<Answer: Sendable>(
    _ question: @escaping @Sendable () throws(QuarryError) -> Answer
  ) async throws(QuarryError) -> Answer {
    let answer = await OwnThread.run {
      Result { () throws(QuarryError) in try question() }
    }
    return try answer.get()
  }

  /// The same, for an answer that may be incomplete: what had to be passed over is said.
  static func list<Row: Sendable & Equatable>(
    in context: CommandContext, _ question: @escaping @Sendable () throws(QuarryError) -> Listing<Row>
  ) async throws(QuarryError) -> [Row] {
    let listing = try await ask(question)
    context.passOver(listing.warnings)
    return listing.rows
  }

  /// Says of an empty answer that there is no such dataset, or which source, category, day or job of the filter there is not.
  /// - Returns: whether one of these is why.
  @discardableResult static func explainNothing(
    _ filter: RunFilter, _ reader: LodeReader, in context: CommandContext
  ) async throws(QuarryError) -> Bool {
    guard try await ask({ () throws(QuarryError) in try reader.exists() }) else {
      context.console.report(NotFound.nothing("dataset", in: reader).error)
      return true
    }
    guard let missing = try await ask({ () throws(QuarryError) in try reader.missingPlace(filter) }) else {
      return try await explainNoJob(filter, reader, in: context)
    }
    context.console.report(NotFound(missing, in: reader).error)
    return true
  }

  private static func explainNoJob(
    _ filter: RunFilter, _ reader: LodeReader, in context: CommandContext
  ) async throws(QuarryError) -> Bool {
    guard let job = filter.jobID else { return false }
    let known = try await ask { () throws(QuarryError) -> [String]? in
      try reader.hasJob(job) ? nil : try reader.jobs(limit: 1_000).rows.map(\.jobID)
    }
    guard let known else { return false }
    context.console.report(NotFound.job(job, context.whatWasRead(reader), in: reader, among: known).error)
    return true
  }
}

extension NotFound {
  /// - Parameter what: `dataset` or `runs`.
  static func nothing(_ what: String, in reader: LodeReader) -> NotFound {
    let folder = reader.layout.folder
    let place = folder.hasPrefix("/") ? "DIR" : "BUCKET[/PREFIX]"
    return NotFound("no \(what) in \(folder)", remedy: "name it with --storage-path \(place) and --storage-dataset ID")
  }

  /// For what has no meaning without a dataset.
  static func require(_ reader: LodeReader) throws {
    try check(reader)
    guard try reader.exists() else { throw nothing("dataset", in: reader) }
  }

  /// A place with nothing in it may be about to get its first dataset; where there are others, the name is wrong, and where
  /// there is anything else, the place.
  static func check(_ reader: LodeReader) throws {
    guard try !reader.exists() else { return }
    let others = try reader.others()
    guard !others.isEmpty else {
      if try reader.isPlaceOfOthers() { throw wrongPlace(reader.layout.root) }
      return
    }
    let near = Nearest.to(reader.layout.dataset, among: others).map { "did you mean --storage-dataset \($0)? " } ?? ""
    let more = others.count > 10 ? " and \(others.count - 10) more" : ""
    throw NotFound(
      "no dataset '\(reader.layout.dataset)' in \(reader.layout.root)",
      remedy: "\(near)there are: \(others.prefix(10).joined(separator: ", "))\(more)")
  }

  private static func wrongPlace(_ root: String) -> NotFound {
    let parts = root.split(separator: "/", omittingEmptySubsequences: false)
    let datasets = parts.suffix(2).lastIndex(of: "datasets")
    let near = datasets.map { "did you mean --storage-path \(parts[..<$0].joined(separator: "/"))?" }
    return NotFound(
      "\(root) holds other things and no datasets",
      remedy: near ?? "name with --storage-path what holds the folder 'datasets'")
  }

  /// - Parameter place: what was looked through.
  static func job(_ id: String, _ place: String, in reader: LodeReader, among known: [String]) -> NotFound {
    unknown("job", id, place, among: known, list: "quarry list jobs\(reader.layout.flags)")
  }

  /// - Parameters:
  ///   - place: what was looked through, such as «in this dataset».
  ///   - known: names that it may have been meant for.
  ///   - list: the command that shows all.
  static func unknown(
    _ kind: String, _ id: String, _ place: String, among known: some Sequence<String>, list: String
  ) -> NotFound {
    // What is there by its name is what could not be read.
    let near = Nearest.all(to: id, among: known.filter { $0 != id }).map { "'\($0)'" }
    let proposal = near.isEmpty ? "" : "did you mean \(near.joined(separator: " or "))? "
    return NotFound("no \(kind) '\(id)' \(place)", remedy: "\(proposal)`\(list)` shows those there are")
  }
}
