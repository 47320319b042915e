/// What leads another command of this program to the same fleet, and to the same dataset, for the commands that messages
/// name: flags with a space before each, or nothing where the defaults do. Holds no password.
package struct FleetFlags: Sendable, Equatable {
  package let fleet: String
  package let storage: String

  package init(fleet: String = "", storage: String = "") {
    self.fleet = fleet
    self.storage = storage
  }

  /// What to do when Redis has lost the fleet.
  func afterLoss(of jobID: String? = nil) -> String {
    "what was accepted is in the dataset's ledger; start the workers again, and: \(rebuild(jobID))"
  }

  /// Brings back what Redis has lost.
  /// - Parameter jobID: nil for all jobs of the fleet that have not ended.
  func rebuild(_ jobID: String? = nil) -> String {
    "quarry coordinator --rebuild" + (jobID.map { " --resume \($0)" } ?? "") + fleet + storage
  }
}
