import QuarryCore

/// Where `--report` writes to.
enum ReportFile {
  /// A report that cannot be written is a warning: the run's outcome stands.
  /// - Parameter path: absolute, or `-` for stderr; nil for none.
  static func write(_ text: String, to path: String?, _ console: Console) {
    guard let path else { return }
    guard path != "-" else { return console.printError(text) }
    do throws(NewFile.Failure) {
      let file = try NewFile(path, replaces: true)
      try file.write(Array(text.utf8))
      try file.publish()
    } catch {
      console.warn("the report was not written to \(path): \(error.reason)")
    }
  }
}
