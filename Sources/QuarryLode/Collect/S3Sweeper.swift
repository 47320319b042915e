import QuarryCore
import S3Client

/// Removes leftovers of a bucket. Nothing keeps commits away meanwhile: that nobody will name them any more follows from
/// their age alone, and a writer that was stopped for so long looks for its data before it commits.
struct S3Sweeper: LeftoverSweeper {
  let layout: DatasetLayout
  let store: S3Store

  /// Files beside records may wait for as long as a run goes on, and nobody can say that it does.
  func leastAge(of kind: Leftover.Kind) -> Duration {
    switch kind {
    case .sidecar: .seconds(86_400)
    // A claim is written anew all the time.
    case .claim, .temporary, .data, .manifest, .folder, .upload: .zero
    }
  }

  /// Makes the pointer another object: a writer that was stopped before it moved it finds that it is late, and looks again.
  func begin(within limit: Duration) throws(QuarryError) -> any SweepTurn {
    try layout.described { () throws(FileFailure) in
      var turn = try S3Turn.look(layout, store)
      // Where that fails, it is another object by somebody's commit.
      _ = try S3Fence(layout, store).put(before: &turn)
    }
    return Turn()
  }

  private struct Turn: SweepTurn {
    func end() {}
  }

  func isHeld(_ leftover: Leftover) -> Bool { false }

  /// Objects never change once they are written.
  func remove(_ leftovers: [Leftover], if mayGo: (Leftover) -> Bool) -> [(Leftover, LeftoverFate)] {
    let leftovers = leftovers.filter(mayGo)
    let objects = leftovers.filter { $0.kind != .upload }.map { store.key($0.path) }
    let problem = problem { () throws(S3Error) in try store.client.delete(objects) }
    return leftovers.map { leftover in
      var leftover = leftover
      leftover.problem = leftover.kind == .upload ? abort(leftover) : problem
      return (leftover, leftover.problem == nil ? .removed : .failed)
    }
  }

  private func abort(_ leftover: Leftover) -> String? {
    problem { () throws(S3Error) in
      let begun = Int(leftover.modified.nanoseconds / 1_000_000_000)
      try store.client.abort(
        S3PendingUpload(key: store.key(leftover.path), id: leftover.uploadID ?? "", begun: begun))
    }
  }

  private func problem(_ work: () throws(S3Error) -> Void) -> String? {
    do throws(S3Error) { try work() } catch { return error.description }
    return nil
  }
}
