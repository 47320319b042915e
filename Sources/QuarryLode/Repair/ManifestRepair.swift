import Glibc
import QuarryCore

/// A manifest that is gone, or in a partition none any more, and what became of it.
package struct MissingManifest: Sendable {
  package enum Fate: String, Sendable, CaseIterable {
    /// Would be written.
    case repairable
    case repaired
    /// The data that it is of is gone as well.
    case dataless
    /// The store did not take it.
    case failed
  }

  package let path: String
  package let snapshot: SnapshotID
  package var fate: Fate
  /// Why it failed.
  package var problem: String?
}

/// Puts manifests back that are gone, from another of the same snapshot: all of one snapshot are the same, and none ever
/// changes. What lies in the place of one is moved aside. May run beside writers, who never make a manifest of a snapshot that is on the chain already.
package struct ManifestRepair {
  private let store: any WritableStore
  private let layout: DatasetLayout

  package init(_ store: any WritableStore, layout: DatasetLayout) {
    self.store = store
    self.layout = layout
  }

  /// - Parameters:
  ///   - writes: false only tells.
  ///   - report: told of each manifest that is gone, the newest snapshot's first.
  /// - Throws: `QuarryError(.storage)` when the chain cannot be followed to its beginning, or an index cannot be removed.
  package func repair(writes: Bool, report: (MissingManifest) -> Void) throws(QuarryError) {
    var hasRepaired = false
    let result = Result { () throws(QuarryError) in
      try walk(writes: writes) { found in
        hasRepaired = hasRepaired || found.fate == .repaired
        report(found)
      }
    }
    if hasRepaired { try removeIndex() }
    try result.get()
  }

  /// One that was made meanwhile lacks what could not be found.
  private func removeIndex() throws(QuarryError) {
    guard let index = layout.runIndex else { return }
    let code = FileSystem().remove(index)
    guard code == 0 || code == ENOENT else { throw FileFailure("remove", index, code).described(layout) }
  }

  private func walk(writes: Bool, report: (MissingManifest) -> Void) throws(QuarryError) {
    var chain = ChainReader(layout: layout)
    var copies = MissingCopies(layout: layout)
    var current = try layout.described { () throws(FileFailure) in try chain.head() }
    while let manifest = current {
      if let warning = chain.warnings.first { throw damaged(warning) }
      for found in try layout.described({ () throws(FileFailure) in try missing(of: manifest, &copies) }) {
        var found = found
        if writes, found.fate == .repairable { putBack(&found, from: &chain) }
        report(found)
      }
      current = try layout.described { () throws(FileFailure) in try chain.parent(of: manifest) }
    }
    if let warning = chain.warnings.first { throw damaged(warning) }
  }

  /// Old datasets without a `latest` have no canonical manifests either.
  private func missing(
    of manifest: Manifest, _ copies: inout MissingCopies
  ) throws(FileFailure) -> [MissingManifest] {
    var missing: [MissingManifest] = []
    let canonical = "\(layout.canonicalFolder(manifest.id))/manifest.json"
    if try !store.exists(canonical), try store.exists(layout.pointer) {
      missing.append(MissingManifest(path: canonical, snapshot: manifest.id, fate: .repairable))
    }
    for copy in try copies.all(of: manifest) {
      let hasData = try MissingCopies.hasData(manifest, in: copy.partition, layout)
      missing.append(
        MissingManifest(path: copy.path, snapshot: manifest.id, fate: hasData ? .repairable : .dataless))
    }
    return missing
  }

  private func putBack(_ manifest: inout MissingManifest, from chain: inout ChainReader) {
    do throws(FileFailure) {
      guard let bytes = try chain.bytes(of: manifest.snapshot) else { throw FileFailure("read", manifest.path, ENOENT) }
      if try !store.create(manifest.path, bytes), !isThere(manifest.path, bytes) {
        guard try store.setAside(manifest.path), try store.create(manifest.path, bytes) else {
          manifest.fate = .failed
          manifest.problem = "something else lies in its place: move it away, then try again"
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

  private func damaged(_ what: String) -> QuarryError {
    QuarryError(
      .storage, "the snapshots of the dataset do not form one chain: \(what)",
      remedy:
        "bring back from a copy of the dataset what `quarry lode verify\(layout.flags)` calls missing, then try again")
  }
}
