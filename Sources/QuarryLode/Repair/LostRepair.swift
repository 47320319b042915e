import QuarryCore

/// Puts snapshots back that were committed and that the chain goes on without: what each holds is committed again, under a new
/// id after the newest, with the data where it lies. Its old manifests go then.
///
/// A writer that died before it was told of its commit may have left such a snapshot as well, and its records may have been
/// committed again since. So none is put back of which a record is on the chain (`StoredRecords`).
///
/// A crash at any point is mended by the next repair: it is noted as lost before it is put back, so that no reader takes both
/// for what counts, and until the manifests that readers go by are gone.
struct LostRepair {
  private let store: any WritableStore
  private let layout: DatasetLayout
  private let reachable: Reachable
  private let deadline: Duration
  private let leastAge: Duration
  private var records: StoredRecords
  private var removed: RemovedRecords
  private var complaints: [String] = []
  /// Why one cannot be put back.
  private var problems: [SnapshotID: String] = [:]

  /// - Parameter leastAge: of what nobody has noted, in a bucket: a writer that another took for dead, and that goes on,
  ///   makes manifests beside the chain, which it removes as soon as it finds that out.
  init(store: any WritableStore, layout: DatasetLayout, reachable: Reachable, deadline: Duration, leastAge: Duration) {
    self.store = store
    self.layout = layout
    self.reachable = reachable
    self.deadline = deadline
    self.leastAge = leastAge
    records = StoredRecords(layout: layout, reachable: reachable)
    removed = RemovedRecords(layout: layout)
  }

  /// A snapshot beside the chain.
  private struct Lost {
    let id: SnapshotID
    /// Of its manifests, the canonical one last.
    let paths: [String]
    let isNoted: Bool
    var manifest: Manifest?
    /// Why that cannot be read just now.
    let refusal: String?
  }

  /// - Parameter claim: to be held as long as something is written; nil only tells.
  /// - Returns: a sentence for each that cannot be put back.
  mutating func repair(
    holding claim: (any StoreClaim)?, _ report: (MissingManifest) -> Void
  ) throws(QuarryError) -> [String] {
    var wanted: [(Lost, Manifest)] = []
    for lost in try layout.described({ () throws(FileFailure) in try find() }) {
      if lost.id == .beforeAll {
        complaints += try layout.described { () throws(FileFailure) in try LostSnapshots(layout).warnings.prefix(1) }
        continue
      }
      guard let fate = try fate(of: lost), let manifest = lost.manifest else { continue }
      if fate == .repairable {
        wanted.append((lost, manifest))
        if claim != nil { continue }
      }
      report(claim != nil && fate == .repeated ? try removing(lost, fate) : found(lost, fate))
    }
    if let claim { try putBack(wanted, holding: claim, report) }
    return complaints
  }

  private func path(of lost: Lost) -> String { lost.paths.last ?? LostSnapshots.path(of: lost.id, in: layout) }

  /// The oldest first.
  private mutating func find() throws(FileFailure) -> [Lost] {
    let noted = Set(try LostSnapshots.noted(in: layout))
    var chain = ChainReader(layout: layout, forgives: true)
    let found = try chain.manifests { reachable.place(of: $0) == nil }
    // Asked for after they were found: a writer says what it is about to do before it does. In a bucket the last commit stays
    // announced.
    let evidence = try CommitEvidence(layout)
    let newest = reachable.ids.first ?? .beforeAll
    var all: [Lost] = []
    for id in noted.union(found.keys).sorted()
    where noted.contains(id) || id < newest && !(layout.isOnDisk && evidence.intended.contains(id)) {
      let canonical = chain.canonicalPath(id)
      let paths = (found[id] ?? []).sorted { $1 == canonical && $0 != canonical || $0 < $1 && $0 != canonical }
      let manifest = try chain.manifest(id)
      let lost = Lost(
        id: id, paths: paths, isNoted: noted.contains(id), manifest: manifest, refusal: chain.refused[id])
      if try !mayBeWritersAtWork(lost) { all.append(lost) }
    }
    return all
  }

  /// On a disk nobody is at work on what `latest.lock` does not name.
  private mutating func mayBeWritersAtWork(_ lost: Lost) throws(FileFailure) -> Bool {
    guard !layout.isOnDisk, !lost.isNoted else { return false }
    var youngest: Timestamp?
    for path in lost.paths { youngest = [youngest, try store.modified(path)].compactMap(\.self).max() }
    guard let youngest, try store.now(in: layout.folder) - youngest < leastAge else { return false }
    complaints.append(
      "snapshot \(lost.id) is not on the chain, and was written so lately that a slow writer may yet take it back: it is left "
        + "alone; try again in \(leastAge.components.seconds / 60) minutes")
    return true
  }

  // MARK: What is to become of it

  /// Nil where nothing can be done, which is said where it matters.
  private mutating func fate(of lost: Lost) throws(QuarryError) -> MissingManifest.Fate? {
    let note = lost.isNoted ? LostSnapshots.path(of: lost.id, in: layout) : nil
    guard reachable.place(of: lost.id) == nil else { return .repeated }
    guard let manifest = lost.manifest else {
      if let refusal = lost.refusal {
        complaints.append(
          "no manifest of snapshot \(lost.id) can be read now, and it is not put back until one can: \(refusal)")
        return nil
      }
      complain(of: lost, lost.paths.isEmpty ? "has no manifest any more" : "has no manifest that can be read", note)
      return nil
    }
    let keys = manifest.files.map(\.path) + manifest.sidecarFiles.map(\.path)
    let unnamed = keys.filter { !reachable.names($0) }
    // What nobody noted is a leftover then.
    guard !unnamed.isEmpty else { return lost.isNoted ? .repeated : nil }
    var (missing, removedCount) = ([String](), 0)
    for key in unnamed {
      switch try layout.described({ () throws(FileFailure) in try place(of: key, in: lost.id) }) {
      case .there: break
      case .removed: removedCount += 1
      case .missing: missing.append(key)
      }
    }
    guard removedCount < unnamed.count else { return lost.isNoted ? .repeated : nil }
    guard missing.count + removedCount < unnamed.count else {
      if lost.isNoted { complain(of: lost, "is gone with its data", note) }
      return lost.isNoted ? .dataless : nil
    }
    if let first = missing.first {
      complain(of: lost, "lacks \(layout.path(of: first))", note)
      return .failed
    }
    return try fate(of: manifest, lost, note)
  }

  private enum Place { case there, removed, missing }

  private mutating func place(of key: String, in id: SnapshotID) throws(FileFailure) -> Place {
    do throws(FileFailure) {
      if try layout.store.exists(layout.path(of: key)) { return .there }
    } catch {
      guard layout.isOfOneFile(error) else { throw error }
      // Something is, and whoever reads it says why it cannot be read.
      return .there
    }
    return try removed.folder(ofKey: key, at: id) == nil ? .missing : .removed
  }

  private mutating func fate(
    of manifest: Manifest, _ lost: Lost, _ note: String?
  ) throws(QuarryError) -> MissingManifest.Fate {
    do throws(StoredRecords.Failure) {
      let (all, repeated) = try records.add(manifest)
      if repeated == 0 { return .repairable }
      if repeated == all { return .repeated }
      complain(of: lost, "holds \(all) records of which \(repeated) are stored under other snapshots as well", note)
    } catch {
      switch error {
      case .store(let error): throw error
      case .damaged(let reason): complain(of: lost, "holds what cannot be read (\(reason))", note)
      case .unsure(let reason):
        let problem = "nobody knows which of its records are stored by others (\(reason))"
        problems[lost.id] = problem
        complaints.append("snapshot \(lost.id) is not put back: \(problem); try again when that can be read")
      }
    }
    return .failed
  }

  private mutating func complain(of lost: Lost, _ what: String, _ note: String?) {
    problems[lost.id] = "it \(what)"
    let own = (lost.paths + [note].compactMap(\.self)).joined(separator: " and ")
    complaints.append(
      "snapshot \(lost.id) \(what), and is not put back: bring it back from a copy of the dataset and try again, or remove "
        + "\(own) to do without it")
  }

  // MARK: Putting it back

  private func putBack(
    _ wanted: [(lost: Lost, manifest: Manifest)], holding claim: any StoreClaim,
    _ report: (MissingManifest) -> Void
  ) throws(QuarryError) {
    guard !wanted.isEmpty else { return }
    try layout.described { () throws(FileFailure) in
      for (lost, _) in wanted { try LostSnapshots.note(lost.id, in: layout, store: store) }
    }
    let plans = wanted.map { SnapshotPlan(restored: $0.manifest, claim: claim) }
    do throws(PublishFailure) { try publish(plans) } catch { throw error.described(layout) }
    for (lost, _) in wanted {
      report(try removing(lost, .repaired))
    }
  }

  private func found(_ lost: Lost, _ fate: MissingManifest.Fate) -> MissingManifest {
    MissingManifest(path: path(of: lost), snapshot: lost.id, fate: fate, problem: problems[lost.id])
  }

  private func removing(_ lost: Lost, _ fate: MissingManifest.Fate) throws(QuarryError) -> MissingManifest {
    let isGone = try layout.described { () throws(FileFailure) in try remove(lost) }
    var found = found(lost, isGone ? fate : .failed)
    if !isGone { found.problem = "its copies in partitions could not be removed: try again" }
    return found
  }

  private func publish(_ plans: [SnapshotPlan]) throws(PublishFailure) {
    let publisher = store.publisher(of: layout, durability: .commit, deadline: deadline, clock: SnapshotClock())
    try publisher.takeTurn(until: .now + deadline)
    let result = Result { () throws(PublishFailure) in try publisher.publish(plans) }
    let folders = publisher.endTurn()
    _ = try result.get()
    try publisher.makeDurable(folders)
  }

  /// The one by which a next repair knows it goes last, and the note only when readers find no other.
  /// - Returns: false, with the note still there, when one that readers go by could not be removed.
  private func remove(_ lost: Lost) throws(FileFailure) -> Bool {
    let copies = reachable.place(of: lost.id) == nil ? lost.paths : []
    for path in copies.dropLast() { store.discardData(path) }
    for path in copies.dropLast() where try store.exists(path) { return false }
    store.discard(LostSnapshots.path(of: lost.id, in: layout))
    if let last = copies.last { store.discardData(last) }
    return true
  }
}
