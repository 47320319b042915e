import QuarryCore
import QuarryRuntime

/// What `quarry run` says on stderr.
struct RunNarration: Sendable {
  let console: Console
  let isQuiet: Bool

  /// The executor's stderr as it comes, and what is odd; whoever wants quiet hears of lost data all the same.
  var observer: RunObserver {
    let console = console
    guard !isQuiet else { return RunObserver(onLoss: { loss in console.warn(loss) }) }
    let echo = StandardErrorEcho(console, whereItsEndIs: "; its end is in the report (--report FILE)")
    return RunObserver(onStandardError: { echo.show($0) }, onNote: { note in console.warn(note) })
  }

  /// The same, of one run.
  func about(runID: String) -> RunNarration {
    RunNarration(console: console.about(LogSubject(runID: runID)), isQuiet: isQuiet)
  }

  func tellEnd(of report: RunReport, storage: StorageSettings) {
    let id = report.identity.runID
    guard report.outcome == .success else {
      console.report(
        QuarryError(
          .stream, "run \(id) failed (\(report.outcome.rawValue)): \(report.message)", remedy: Self.remedy(report)))
      return
    }
    guard !isQuiet else { return }
    console.say("run \(id) succeeded in \(report.duration.shortText): \(Self.counts(report.figures))")
    console.hint("quarry inspect run \(Self.word(id))\(Self.flags(storage))")
  }

  private static func counts(_ figures: IngestionFigures) -> String {
    func count(_ number: Int, _ name: String) -> String { "\(number) \(name)\(number == 1 ? "" : "s")" }
    let artifacts = figures.artifacts.committed
    return [
      count(figures.items, "item"), count(figures.eventsReceived, "event"),
      artifacts == 0 ? nil : count(artifacts, "artifact"),
    ].compactMap(\.self).joined(separator: ", ")
  }

  private static func remedy(_ report: RunReport) -> String? {
    switch report.outcome {
    case .versionMismatch: "use the executor that belongs to this program: leave --executor out"
    case .policyFailure: (report.failure ?? report.flushFailure)?.remedy ?? "see to the storage path, then run again"
    case .success, .scriptError, .executorCrash: nil
    }
  }

  /// The flags that find the same data again.
  static func flags(_ storage: StorageSettings) -> String {
    (storage.isDefault ? "" : " --storage-path \(word(storage.path))") + bucketFlags(storage)
      + (storage.dataset == StorageSettings.defaultDataset ? "" : " --storage-dataset \(word(storage.dataset))")
  }

  private static func bucketFlags(_ storage: StorageSettings) -> String {
    guard case .bucket(let bucket) = storage.place else { return "" }
    return " --storage-backend s3" + (bucket.region.map { " --storage-region \(word($0))" } ?? "")
      + (bucket.endpoint.map { " --storage-endpoint \(word($0))" } ?? "")
      + (bucket.isPathStyle ? " --storage-s3-path-style" : "")
  }

  /// Quoted for a shell where it needs it.
  static func word(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "/._-+=:@".utf8.contains(byte)
      }
    return isPlain
      ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
  }
}
