import QuarryCore

/// A store as its writers see it. A file that is made is there as a whole or not at all.
package protocol WritableStore: DatasetStore {
  /// `fs` or `s3`, as configuration and metrics name it.
  var backend: String { get }
  /// `storage_path` begins with it: the root as a URL.
  var url: String { get }
  /// For how long data that no snapshot names yet is there for sure: what looks like a leftover is removed much later
  /// (`LeftoverCollector.leastAge`), which only a writer that was stopped in between would see.
  var trust: StoreTrust { get }

  /// Whether `createData` tells in any case that a segment is another's. Else no two writes may try the same one.
  var tellsTaken: Bool { get }

  /// Puts down the data of a new segment, `…/segments/<id>/data/<name>`.
  /// - Returns: false when that segment is another's already.
  func createData(_ file: String, _ bytes: [UInt8]) throws(FileFailure) -> Bool

  /// Removes data that no manifest names, and the folders that are empty then.
  func discardData(_ file: String)

  /// Puts a whole file under a name that must be free, for all time and against all other processes.
  /// - Returns: false when the name is taken.
  func create(_ file: String, _ bytes: UnsafeRawBufferPointer) throws(FileFailure) -> Bool

  /// Comes before a snapshot names these files: makes them durable, and the folders that were made for them, where
  /// durability asks for it.
  func settle(_ files: [String], _ durability: Durability) throws(FileFailure)

  /// Removes a file that is nobody else's, as far as it can.
  func discard(_ file: String)

  /// Moves what lies under a name out of the way, to one beside it that no reader looks at, and that the collector of leftovers
  /// removes one day, unless it is a folder that holds something.
  func setAside(_ file: String) throws(FileFailure)

  /// Keeps the collector of leftovers away from a folder for as long as the object lives.
  /// - Returns: nil where that cannot be said; see `trust`.
  func hold(_ folder: String) throws(FileFailure) -> FolderHold?

  /// Takes a name for this process.
  /// - Returns: nil when another has it.
  func claim(_ file: String) throws(FileFailure) -> (any StoreClaim)?

  /// Who has a name that could not be taken.
  func holder(ofClaim file: String) throws(FileFailure) -> ClaimHolder

  /// Takes out what crashed writers left.
  func sweeper(of layout: DatasetLayout) -> any LeftoverSweeper

  func publisher(
    of layout: DatasetLayout, durability: Durability, deadline: Duration, clock: SnapshotClock
  ) -> any SnapshotPublisher
}

/// How long written files are certain to be there although nothing names them.
package struct StoreTrust: Sendable {
  /// Data of a run; nil never trusts it without looking.
  let data: Duration?
  /// Files beside records; nil likewise.
  let sidecars: Duration?
}

/// Who has a name, for people.
package struct ClaimHolder: Sendable {
  let who: String
  /// What helps where that process is none any more; nil where that cannot be.
  var remedy: String?
}

/// A name that one process has.
package protocol StoreClaim: Sendable {
  /// False when this process stood still for so long that the name was free for another. May ask the store.
  /// - Throws: where it is to be asked and cannot be.
  func isHeld() throws(FileFailure) -> Bool

  /// Gives it free. May be called again.
  func release()
}

extension WritableStore {
  package var tellsTaken: Bool { true }

  /// For a store where what is there is durable.
  package func settle(_ files: [String], _ durability: Durability) throws(FileFailure) {}

  package func create(_ file: String, _ bytes: [UInt8]) throws(FileFailure) -> Bool {
    try bytes.withBytes { bytes throws(FileFailure) in try create(file, bytes) }
  }
}
