import QuarryCore

/// The fleet's records in a dataset: `source=_fleet/category=<fleet>/day=…/run_id=<job>/event_type=fleet`.
///
/// All records of a job that one process writes lie under the day of the first; processes that start a job's ledger in
/// the same moment around midnight may use two, and readers read all.
package struct LodeLedger: Ledger {
  /// Names that the stored line has already; a record that uses one is refused.
  private static let reserved: Set<String> = ["record_kind", "source", "category", "day", "run_id", "event_type"]
  package static let source = RunPartition.ledgerSource
  package static let eventType = "fleet"

  let dataset: LodeDataset

  package func append(_ records: [String], fleet: String, jobID: String) throws(QuarryError) {
    guard !records.isEmpty else { return }
    let partition = try RunPartition(
      dataset: dataset.layout.dataset, ledgerOf: fleet, day: try day(fleet: fleet, jobID: jobID), jobID: jobID)
    var batch = RecordBatch(partition: partition, policy: nil)
    for record in records {
      let members = try Self.members(of: record)
      batch.append(.fleet, eventType: Self.eventType) { out in
        guard !members.isEmpty else { return }
        JSONText.appendSeparator(to: &out)
        out += members
      }
    }
    try dataset.sink(for: partition).write(batch)
  }

  package func records(fleet: String, jobID: String) throws(QuarryError) -> [String] {
    try LedgerReader(layout: dataset.layout).records(fleet: fleet, jobID: jobID)
  }

  /// - Throws: also for a job of another fleet: what asks for a job by its id would take the two for one.
  private func day(fleet: String, jobID: String) throws(QuarryError) -> String {
    let reader = LedgerReader(layout: dataset.layout)
    let known = try dataset.layout.described { () throws(FileFailure) -> RunPath? in
      if let own = try reader.partitions(fleet: fleet, jobID: jobID).first { return own }
      return try reader.partitions(fleet: nil, jobID: jobID).first
    }
    guard let known else { return Timestamp.now().day }
    if known.category == fleet { return known.day }
    throw QuarryError(
      .usage, "job '\(jobID)' is in this dataset already, as one of fleet '\(known.category)'",
      remedy: "give another --job-id, or store it in another dataset")
  }

  /// The text between the braces of a JSON object, on one line.
  private static func members(of record: String) throws(QuarryError) -> ArraySlice<UInt8> {
    let bytes = Array(record.utf8)
    let value: JSONValue
    do { value = try JSONParser.parse(bytes) } catch {
      throw QuarryError(.storage, "a ledger record is not JSON: \(error)")
    }
    guard let object = value.object else { throw QuarryError(.storage, "a ledger record is not a JSON object") }
    if let name = object.keys.first(where: reserved.contains) {
      throw QuarryError(.storage, "a ledger record uses '\(name)', which names the record's place")
    }
    let isOneLine =
      !bytes.contains(UInt8(ascii: "\n")) && bytes.first == UInt8(ascii: "{") && bytes.last == UInt8(ascii: "}")
    let line = isOneLine ? bytes : Array(value.canonicalText.utf8)
    return line.dropFirst().dropLast()
  }
}
