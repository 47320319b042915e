import QuarryCore

/// Something that `quarry lode verify` has to say of a dataset.
package struct Finding: Sendable, Equatable {
  package enum Severity: String, Sendable {
    /// Stored data is damaged, or missing.
    case error
    /// Nothing that counts is damaged: what a crash left behind, a run without an end.
    case note
  }

  package enum Kind: String, Sendable, CaseIterable {
    /// `latest`.
    case pointer
    /// A manifest, or its copy in a partition.
    case manifest
    /// The order of snapshots.
    case chain
    /// A data file as a whole.
    case file
    case checksum
    /// A line of a data file.
    case line
    /// The number of records in a snapshot.
    case rows
    /// The events of a run, by their `seq`.
    case sequence
    case artifact
    /// A file beside a run's records.
    case sidecar
    /// What a run's metrics say against what is stored.
    case metrics
    /// The end of a run.
    case run
    /// A whole day, or a run, that somebody does without.
    case removed
    /// What no snapshot names.
    case leftover
  }

  package let severity: Severity
  package let kind: Kind
  /// A path, or a run's partition.
  package let place: String
  package let runID: String?
  package let message: String

  init(_ severity: Severity, _ kind: Kind, _ place: String, runID: String? = nil, _ message: String) {
    self.severity = severity
    self.kind = kind
    self.place = place
    self.runID = runID
    self.message = message
  }
}

/// How much was looked at, and what came of it.
package struct VerifyFigures: Sendable, Equatable {
  package var snapshots = 0
  package var runs = 0
  package var files = 0
  package var records: Int64 = 0
  package var bytes: Int64 = 0
  package var artifacts = 0
  package var sidecarFiles = 0
  package var errors = 0
  package var notes = 0

  package init() {}
}
