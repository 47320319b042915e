import Glibc
import QuarryCore

/// A manifest that is gone, or that nothing on the chain follows, or `latest`; and what became of it.
package struct MissingManifest: Sendable {
  package enum Fate: String, Sendable, CaseIterable {
    /// Would be put back.
    case repairable
    case repaired
    /// What it names is in the dataset under another snapshot: it goes.
    case repeated
    /// The data that it is of is gone as well.
    case dataless
    /// The store did not take it, or something is in its way.
    case failed
  }

  package let path: String
  package let snapshot: SnapshotID
  package var fate: Fate
  /// Why it failed.
  package var problem: String?
}

/// Puts back what was committed and what a dataset lacks, from what is left of it: `latest`; manifests, from another of the
/// same snapshot, since all of one are the same and none ever changes, with what lies in the place of one moved aside; and
/// snapshots that the chain goes on without (`LostRepair`). May run beside writers, who never make a manifest of a snapshot
/// that is on the chain already.
package struct ManifestRepair {
  private let store: any WritableStore
  private let layout: DatasetLayout
  private let deadline: Duration
  private let leastAge: Duration

  /// - Parameters:
  ///   - deadline: how long to wait for other writers.
  ///   - leastAge: in a bucket, of a snapshot beside the chain that nobody has noted as lost.
  package init(
    _ store: any WritableStore, layout: DatasetLayout, deadline: Duration = .seconds(60),
    leastAge: Duration = LeftoverCollector.leastAge
  ) {
    self.store = store
    self.layout = layout
    self.deadline = deadline
    self.leastAge = leastAge
  }

  /// - Parameters:
  ///   - writes: false only tells.
  ///   - report: told of each manifest that is gone: `latest` first, then the newest snapshot's, then lost snapshots'.
  /// - Returns: a sentence for each thing that is damaged all the same, with what helps.
  /// - Throws: `QuarryError(.storage)` when another repairs the dataset, or an index cannot be removed.
  package func repair(writes: Bool, report: (MissingManifest) -> Void) throws(QuarryError) -> [String] {
    let claim = writes ? try begin() : nil
    defer { claim?.release() }
    var hasRepaired = false
    let result = Result { () throws(QuarryError) in
      try repairAll(holding: claim) { found in
        hasRepaired = hasRepaired || [.repaired, .repeated].contains(found.fate)
        report(found)
      }
    }
    if writes, hasRepaired { try removeIndex() }
    return try result.get()
  }

  /// Two at once would put a lost snapshot back twice.
  private func begin() throws(QuarryError) -> any StoreClaim {
    let path = "\(layout.own)/repair"
    if let claim = try layout.described({ () throws(FileFailure) in try store.claim(path) }) { return claim }
    let holder = try layout.described { () throws(FileFailure) in try store.holder(ofClaim: path) }
    throw QuarryError(
      .storage, "\(holder.who) repairs the dataset now", remedy: holder.remedy ?? "try again when it is done")
  }

  /// One that was made meanwhile lacks what could not be found.
  private func removeIndex() throws(QuarryError) {
    guard let index = layout.runIndex else { return }
    let code = FileSystem().remove(index)
    guard code == 0 || code == ENOENT else { throw FileFailure("remove", index, code).described(layout) }
  }

  /// - Parameter claim: nil only tells.
  private func repairAll(
    holding claim: (any StoreClaim)?, report: (MissingManifest) -> Void
  ) throws(QuarryError) -> [String] {
    let writes = claim != nil
    let unmoved = try repairPointer(writes: writes, report)
    var chain = ChainReader(layout: layout, forgives: true, searches: true)
    var damaged: [String] = []
    var data = MissingData(layout: layout)
    var told: [String] = []
    let reachable = try repairManifests(writes: writes, &chain, damaged: &damaged, &data) { found in
      told.append(found.path)
      report(found)
    }
    let complaints = try repairLost(holding: claim, besides: reachable, chain, report)
    told += damaged
    let others = chain.passedOver.filter { text in !told.contains { text.hasPrefix("\($0) is passed over") } }
    return others + damaged.map { "\($0) is not the manifest that it should be: remove it, then try again" }
      + chain.refused.keys.filter { reachable.place(of: $0) != nil }.sorted().map { refused(chain.canonicalPath($0)) }
      + data.complaints + complaints + unmoved.filter { !others.contains($0) }
  }

  private func refused(_ path: String) -> String {
    "\(path) or another manifest of its snapshot cannot be read, and one can: nothing is mended there. Where it stays so, remove "
      + "what cannot be read, and try again: it is put back from the other"
  }

  /// What cannot be read just now may be on the chain, with the records that seem to be lost.
  private func repairLost(
    holding claim: (any StoreClaim)?, besides reachable: Reachable, _ chain: ChainReader,
    _ report: (MissingManifest) -> Void
  ) throws(QuarryError) -> [String] {
    let unread = chain.refused.keys.filter { reachable.place(of: $0) == nil }.sorted()
    guard unread.isEmpty else {
      return unread.map {
        "no manifest of snapshot \($0) can be read, so that nobody knows what it holds: nothing that is lost is put back until "
          + "one can"
      }
    }
    var lost = LostRepair(
      store: store, layout: layout, reachable: reachable, deadline: deadline, leastAge: leastAge)
    return try lost.repair(holding: claim, report)
  }

  // MARK: The pointer

  /// - Returns: a sentence for each thing that it cannot be moved to, though that may have been acknowledged.
  private func repairPointer(
    writes: Bool, _ report: (MissingManifest) -> Void
  ) throws(QuarryError) -> [String] {
    var chain = ChainReader(layout: layout, forgives: true, searches: true)
    let (head, isNeeded, forsaken) = try layout.described { () throws(FileFailure) in
      let head = try chain.head()
      let isNeeded = try !chain.lost(below: head).isEmpty || chain.damage != nil
      return (head, isNeeded, try isNeeded ? nil : AnnouncedCommit.forsaken(&chain, for: leastAge))
    }
    // It may be the newest, for all that is known.
    guard chain.refused.isEmpty else { return chain.refused.values.sorted() }
    if let forsaken, let gone = forsaken.missing.first {
      return [
        "snapshot \(forsaken.newest) was announced, and may have been acknowledged before \(layout.pointer) was put back to the one "
          + "before it, but \(gone) is gone: bring that back from a copy of the dataset and try again, or remove "
          + "\(chain.canonicalPath(forsaken.newest)) to do without the snapshot"
      ]
    }
    guard let newest = forsaken?.newest ?? (isNeeded ? head?.id : nil) else { return [] }
    var pointer = MissingManifest(path: layout.pointer, snapshot: newest, fate: .repairable)
    if writes { restorePointer(&pointer) }
    report(pointer)
    return []
  }

  private func restorePointer(_ pointer: inout MissingManifest) {
    let publisher = store.publisher(of: layout, durability: .commit, deadline: deadline, clock: SnapshotClock())
    do throws(PublishFailure) {
      try publisher.takeTurn(until: .now + deadline)
      let result = Result { () throws(PublishFailure) in try publisher.restorePointer() }
      let folders = publisher.endTurn()
      try result.get()
      try publisher.makeDurable(folders)
      pointer.fate = .repaired
    } catch {
      pointer.fate = .failed
      pointer.problem = error.described(layout).message
    }
  }

  // MARK: Manifests of snapshots on the chain

  private func repairManifests(
    writes: Bool, _ chain: inout ChainReader, damaged: inout [String], _ data: inout MissingData,
    _ report: (MissingManifest) -> Void
  ) throws(QuarryError) -> Reachable {
    var reachable = Reachable()
    var copies = MissingCopies(layout: layout)
    var current = try layout.described { () throws(FileFailure) in try chain.head() }
    while let manifest = current {
      reachable.add(manifest)
      let missing = try layout.described { () throws(FileFailure) in
        let missing = try self.missing(of: manifest, chain, &copies)
        try data.look(for: manifest, but: Set(missing.filter { $0.fate == .dataless }.map(\.path)))
        return missing
      }
      let canonical = chain.canonicalPath(manifest.id)
      let isDamaged = try layout.described { () throws(FileFailure) -> Bool in
        let isThere = try chain.isThere(manifest.id)
        return try isThere && chain.refused[manifest.id] == nil ? chain.canonical(manifest.id) == nil : false
      }
      if isDamaged { damaged.append(canonical) }
      for found in missing {
        var found = found
        if writes, found.fate == .repairable { putBack(&found, from: &chain) }
        report(found)
      }
      current = try layout.described { () throws(FileFailure) in try chain.parent(of: manifest) }
    }
    return reachable
  }

  private func missing(
    of manifest: Manifest, _ chain: ChainReader, _ copies: inout MissingCopies
  ) throws(FileFailure) -> [MissingManifest] {
    var missing: [MissingManifest] = []
    if chain.bare.contains(manifest.id) {
      missing.append(
        MissingManifest(path: chain.canonicalPath(manifest.id), snapshot: manifest.id, fate: .repairable))
    }
    let found = try copies.all(of: manifest, size: chain.size(of: manifest.id)).map(\.partition)
    var refused: [MissingManifest] = []
    for partition in try found + damaged(of: manifest, but: Set(found), refused: &refused) {
      let hasData = try MissingCopies.hasData(manifest, in: partition, layout)
      missing.append(
        MissingManifest(
          path: path(manifest.id, partition), snapshot: manifest.id, fate: hasData ? .repairable : .dataless))
    }
    return missing + refused
  }

  private func path(_ id: SnapshotID, _ partition: String) -> String {
    "\(layout.segmentFolder(id, partition: partition))/manifest.json"
  }

  /// Partitions in which something else lies in the place of the snapshot's manifest.
  /// - Parameters:
  ///   - known: those that are found already.
  ///   - refused: gets what a bucket does not give: nobody knows whether it is as it should be.
  private func damaged(
    of manifest: Manifest, but known: Set<String>, refused: inout [MissingManifest]
  ) throws(FileFailure) -> [String] {
    var damaged: [String] = []
    for partition in MissingCopies.partitions(of: manifest, in: layout) where !known.contains(partition) {
      do throws(FileFailure) {
        guard case .other = try MissingCopies.found(of: manifest, in: partition, layout) else { continue }
      } catch {
        guard layout.isOfOneFile(error) else { throw error }
        guard error.isLocal else {
          refused.append(
            MissingManifest(
              path: path(manifest.id, partition), snapshot: manifest.id, fate: .failed, problem: error.sentence(layout))
          )
          continue
        }
      }
      damaged.append(partition)
    }
    return damaged
  }

  private func putBack(_ manifest: inout MissingManifest, from chain: inout ChainReader) {
    do throws(FileFailure) {
      guard let bytes = try chain.bytes(of: manifest.snapshot) else { throw FileFailure("read", manifest.path, ENOENT) }
      if try !store.create(manifest.path, bytes), !isThere(manifest.path, bytes) {
        try store.setAside(manifest.path)
        guard try store.create(manifest.path, bytes) else {
          manifest.fate = .failed
          manifest.problem = "something else was put in its place meanwhile: try again"
          return
        }
      }
      try store.settle([manifest.path], .commit)
      manifest.fate = .repaired
    } catch {
      manifest.fate = .failed
      manifest.problem = error.described(layout).message
    }
  }

  /// Another that was first has put the same there. What cannot be read is something else.
  private func isThere(_ path: String, _ bytes: [UInt8]) -> Bool { (try? store.bytes(path)) == bytes }
}
