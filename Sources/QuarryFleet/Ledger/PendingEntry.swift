/// A final transition that Redis knows and the ledger does not yet: whoever writes its record removes it.
package struct PendingEntry: Sendable, Equatable {
  /// The queue's own name of it.
  package var id: String
  package var jobID: String
  package var entry: LedgerEntry

  package init(id: String, jobID: String, entry: LedgerEntry) {
    self.id = id
    self.jobID = jobID
    self.entry = entry
  }
}
