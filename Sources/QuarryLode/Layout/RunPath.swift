import QuarryCore

/// A run's partition as a path names it; values are unescaped, also those that Quarry itself would refuse.
package struct RunPath: Sendable, Hashable {
  package let source: String
  package let category: String
  package let day: String
  package let runID: String
  /// `source=…/category=…/day=…/run_id=…` as it is on disk.
  package let path: String

  /// - Parameter partition: a partition path whose first four keys are those of a run.
  /// - Returns: nil for any other shape.
  package init?(_ partition: some StringProtocol) {
    let parts = partition.split(separator: "/", maxSplits: 4, omittingEmptySubsequences: false)
    guard parts.count >= 4, let source = Self.value(parts[0], "source="),
      let category = Self.value(parts[1], "category="),
      let day = Self.value(parts[2], "day="), let runID = Self.value(parts[3], "run_id=")
    else { return nil }
    self.source = source
    self.category = category
    self.day = day
    self.runID = runID
    path = parts[0..<4].joined(separator: "/")
  }

  private init(_ sibling: RunPath, runID: String, path: String) {
    (source, category, day) = (sibling.source, sibling.category, sibling.day)
    self.runID = runID
    self.path = path
  }

  /// `run_id=…` as it is on disk.
  var name: String { String(path.utf8.split(separator: UInt8(ascii: "/")).last.map { Substring($0) } ?? "") }
  /// `source=…/category=…/day=…` as it is on disk.
  var dayFolder: String { String(Substring(path.utf8.dropLast(name.utf8.count + 1))) }

  /// Which of two runs that one snapshot began is listed first: the one with the greater name.
  func comesFirst(before other: RunPath) -> Bool {
    let (mine, others) = (name.utf8, other.name.utf8)
    return mine.elementsEqual(others) ? path < other.path : others.lexicographicallyPrecedes(mine)
  }

  /// The run of another name in the same day folder; nil for a name of another shape.
  /// - Parameter folder: the day folder.
  func sibling(_ name: String, in folder: String) -> RunPath? {
    Self.value(name, "run_id=").map { RunPath(self, runID: $0, path: "\(folder)/\(name)") }
  }

  /// The event type of a partition path of this shape.
  package static func eventType(_ partition: some StringProtocol) -> String? {
    let parts = partition.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 5 ? value(parts[4], "event_type=") : nil
  }

  /// The value of a `key=value` segment; older writers did not escape, so what cannot be unescaped stays as it is.
  static func value(_ segment: some StringProtocol, _ key: String) -> String? {
    guard segment.hasPrefix(key) else { return nil }
    let raw = Substring(segment.dropFirst(key.count))
    return RunPartition.unescape(raw) ?? String(raw)
  }
}
