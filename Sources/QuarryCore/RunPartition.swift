import PercentEncoding

/// Where in a dataset the records of one run lie: `source`, `category`, `day` and `run_id`, in this order.
package struct RunPartition: Sendable, Hashable {
  package let dataset: String
  package let source: String
  package let category: String
  /// UTC date of the run's start, `YYYY-MM-DD`, for all of its records.
  package let day: String
  package let runID: String

  /// The source under which fleets keep their ledgers; no run writes there.
  package static let ledgerSource = "_fleet"

  /// - Throws: `QuarryError(.usage)` naming the value that cannot be part of a path, or is reserved.
  package init(dataset: String, source: String, category: String, day: String, runID: String) throws(QuarryError) {
    try Self.validateSource(source)
    try self.init(dataset: dataset, anySource: source, category: category, day: day, runID: runID)
  }

  /// Where the ledger of a fleet's job lies.
  package init(dataset: String, ledgerOf fleet: String, day: String, jobID: String) throws(QuarryError) {
    try self.init(dataset: dataset, anySource: Self.ledgerSource, category: fleet, day: day, runID: jobID)
  }

  private init(
    dataset: String, anySource source: String, category: String, day: String, runID: String
  ) throws(QuarryError) {
    try Self.validateDataset(dataset)
    try Self.validate(category, as: "category")
    try Self.validate(day, as: "day")
    try Self.validate(runID, as: "run_id")
    self.dataset = dataset
    self.source = source
    self.category = category
    self.day = day
    self.runID = runID
  }

  /// `source=…/category=…/day=…/run_id=…`, percent-escaped, no slash at either end.
  package var path: String {
    "source=\(Self.escape(source))/category=\(Self.escape(category))/day=\(Self.escape(day))/run_id=\(Self.escape(runID))"
  }

  /// The key from the storage root of a sidecar file of this run.
  package func fileKey(_ filename: String) -> String {
    "datasets/\(dataset)/partitions/\(path)/files/\(filename)"
  }

  /// Bytes that stay as they are in one URL path segment (RFC 3986 `pchar` without `!'()*,;`, as Go's
  /// `url.PathEscape` leaves them).
  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: "$"),
      UInt8(ascii: "&"), UInt8(ascii: "+"), UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: "@"):
      true
    default: false
    }
  }

  /// Percent-escapes every byte of the UTF-8 form that is not plain, in upper-case hex.
  package static func escape(_ value: String) -> String { PercentEncoding.escape(value, keeping: isPlain) }

  /// The reverse of `escape`; nil for a broken escape or invalid UTF-8.
  package static func unescape(_ segment: Substring) -> String? { PercentEncoding.unescape(segment) }

  /// Refuses what could not be one path segment, or could not be seen in a terminal.
  package static func validate(_ value: String, as name: String) throws(QuarryError) {
    guard !value.isEmpty else { throw QuarryError(.usage, "\(name) is empty") }
    guard value != ".", value != ".." else { throw QuarryError(.usage, "\(name) '\(value)' is not a usable name") }
    for scalar in value.unicodeScalars where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) {
      throw QuarryError(
        .usage, "\(name) holds the control character U+\(String(scalar.value, radix: 16, uppercase: true))")
    }
    guard value.utf8.count <= 200 else {
      throw QuarryError(.usage, "\(name) is \(value.utf8.count) bytes long; the limit is 200")
    }
    // With its key in front it is one folder's name, which file systems bound at 255 bytes.
    let escaped = escape(value).utf8.count
    guard escaped <= 240 else {
      throw QuarryError(.usage, "\(name) is \(escaped) bytes long as a part of a path; the limit is 240")
    }
  }

  /// What a run, or an `enqueue`, may name as its source.
  package static func validateSource(_ value: String) throws(QuarryError) {
    try validate(value, as: "source")
    guard value != ledgerSource else {
      throw QuarryError(
        .usage, "source '\(ledgerSource)' is where fleets keep their ledgers", remedy: "choose another source")
    }
  }

  /// A dataset id is not escaped, so it may hold only what needs no escape.
  package static func validateDataset(_ value: String) throws(QuarryError) {
    try validate(value, as: "dataset id")
    guard value.utf8.allSatisfy(isPlain) else {
      throw QuarryError(
        .usage, "dataset id '\(value)' may hold only letters, digits and - _ . ~ $ & + : = @")
    }
  }
}
