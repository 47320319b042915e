import QuarryCore

/// Where `--report` writes to.
enum ReportFile {
  /// A report that cannot be written is a warning: the run's outcome stands.
  /// - Parameters:
  ///   - text: made only when it is asked for.
  ///   - path: absolute, or `-` for stderr; nil for none.
  static func write(_ text: @autoclosure () -> String, to path: String?, _ console: Console) {
    guard let path else { return }
    let text = text()
    guard path != "-" else { return console.printError(console.format == .json ? line(text) : text) }
    do throws(NewFile.Failure) {
      let file = try NewFile(path, replaces: true)
      try file.write(Array(text.utf8))
      try file.publish()
    } catch {
      console.warn("the report was not written to \(path): \(error.reason)")
    }
  }

  /// The same value on one line, as structured logs have it.
  private static func line(_ text: String) -> String {
    // The text was made by this process and is JSON.
    guard let value = try? JSONParser.parse(text) else { return text }
    return value.canonicalText + "\n"
  }
}
