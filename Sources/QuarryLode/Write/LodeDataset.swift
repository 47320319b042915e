import QuarryCore
import Synchronization

/// A dataset that this process writes. One object per process and dataset, so that its writers share commits.
///
/// Making one touches nothing; folders are made by the first write.
package final class LodeDataset: Sendable {
  package let layout: DatasetLayout
  package let form: StoredForm
  private let store: any WritableStore
  private let clock: SnapshotClock
  private let committer: GroupCommit
  private let presence: DatasetPresence
  private let durability: Durability
  private let patience: Duration
  /// The last that was made.
  private let claim = Mutex<RunClaim?>(nil)

  /// - Parameters:
  ///   - form: what data files are compressed with, and whether checksums are kept.
  ///   - id: dataset id, validated already (`RunPartition.validateDataset`).
  ///   - deadline: how long one commit may wait for other processes.
  ///   - flags: see `DatasetLayout`.
  ///   - patience: how long when the run's last one has waited all that time in vain.
  package init(
    _ store: any WritableStore, id: String = "quarry", flags: String = "", durability: Durability = .commit,
    form: StoredForm = StoredForm(), deadline: Duration = .seconds(60), patience: Duration = .seconds(1),
    clock: SnapshotClock = SnapshotClock()
  ) {
    layout = DatasetLayout(store, dataset: id, flags: flags)
    presence = DatasetPresence(layout: layout)
    self.store = store
    self.form = form
    self.clock = clock
    self.durability = durability
    self.patience = patience
    committer = GroupCommit(
      publisher: store.publisher(of: layout, durability: durability, deadline: deadline, clock: clock),
      presence: presence, layout: layout, deadline: deadline, clock: clock, sharesIDs: store.tellsTaken)
  }

  /// - Parameter root: absolute path of the storage folder, which must exist when something is written.
  package convenience init(
    root: String, id: String = "quarry", durability: Durability = .commit, form: StoredForm = StoredForm(),
    deadline: Duration = .seconds(60), patience: Duration = .seconds(1), files: FileSystem = FileSystem(),
    clock: SnapshotClock = SnapshotClock()
  ) {
    self.init(
      DiskStore(root: root, files: files), id: id, durability: durability, form: form, deadline: deadline,
      patience: patience, clock: clock)
  }

  /// `fs` or `s3`, as metrics name it.
  package var backend: String { store.backend }

  /// Where the records of one run go; one sink a run.
  package func sink(for partition: RunPartition) -> LodeRunSink {
    LodeRunSink(
      partition: partition, claim: claim.withLock { $0?.runID == partition.runID ? $0 : nil },
      segments: SegmentWriter(layout: layout, store: store, clock: clock, form: form),
      sidecars: SidecarWriter(layout: layout, store: store, form: form), committer: committer,
      presence: presence, durability: durability, patience: patience)
  }

  /// The fleet's own records in this dataset.
  package var ledger: LodeLedger { LodeLedger(dataset: self) }

  /// `file://…` or `s3://…` of a run's partition, without a slash at the end; as it stands in notifications and the ledger.
  package func storagePath(of partition: RunPartition) -> String {
    "\(store.url)/\(layout.key)/partitions/\(partition.path)"
  }

  /// A random id kept in the dataset, made at first use: two folders of one name are told apart by it. From then on
  /// nothing is written to a dataset of another id, nor to one that has lost it.
  package func identity() throws(QuarryError) -> String {
    let identity = try DatasetIdentity(layout: layout, store: store, durability: durability).value()
    presence.expect(identity)
    return identity
  }

  /// Reserves a run id that a person chose, until it is released.
  /// - Throws: `QuarryError(.usage)` when the dataset has a run of this id, or another process runs it now.
  package func claim(runID: String) throws(QuarryError) -> RunClaim {
    let claim = try RunClaim(runID: runID, layout: layout, store: store)
    self.claim.withLock { $0 = claim }
    return claim
  }
}
