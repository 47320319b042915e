import QuarryCore
import S3Client
import Synchronization

/// Makes written batches visible in a bucket. The pointer moves by a conditional write, so two writers never follow the
/// same snapshot; before it, a commit is announced in `latest.lock` (`S3Turn`), so that others wait for it and not with it.
///
/// Requests of a commit that touches *n* partitions, by a writer that is alone: the announcement, *n* + 1 manifests, the
/// pointer; each a PUT. Beside others there come two GETs for each look at whose turn it is, one for the snapshot that the
/// commit follows, and one announcement in vain of a writer that took itself for alone. Nothing is listed but by whoever makes
/// the pointer. A lost race costs the manifests again, and a request that removes those in vain; with announcements only
/// writers that know none of them (other programs), or one that was taken for dead, lose any.
final class S3Publisher: SnapshotPublisher {
  private struct State {
    /// As our own last commit left it; nil when another may have moved on.
    var turn: S3Turn?
    var head: CommitPlanner.Head?
    /// When it saw last that no newer snapshot is there than what `latest` names, and began to write onto that; nil for never.
    var lookedAhead: Timestamp?
    /// The newest snapshot that is known to have been committed, by anybody.
    var newest: SnapshotID?
    /// Nobody else has committed since our commit before the last.
    var isAlone = false
    var watch = Watch()
    /// The newest id that was ever announced here. Others may know it, also when its answer was lost, and remove what is
    /// written under it: none is announced twice.
    var announced: SnapshotID?
  }

  /// For how long another's announcement has been as it is.
  private struct Watch {
    var etag: String?
    var since = ContinuousClock.now

    mutating func isStale(_ etag: String?, after lease: Duration) -> Bool {
      if etag != self.etag { (self.etag, since) = (etag, .now) }
      return ContinuousClock.now - since >= lease
    }
  }

  private enum Outcome: Equatable {
    /// The newest snapshot.
    case published(SnapshotID)
    /// Another was first, or is at it.
    case outrun
  }

  private enum Preparation {
    /// But for the pointer.
    case ready(S3Commit, S3Turn)
    /// Another came in between, or something went wrong, and manifests may be there.
    case failed(S3Commit, S3Turn, FileFailure?)
    case over(Outcome)
  }

  private let layout: DatasetLayout
  private let store: S3Store
  private let deadline: Duration
  private let planner: CommitPlanner
  private let manifests: S3Manifests
  private let state = Mutex(State())

  init(layout: DatasetLayout, store: S3Store, deadline: Duration, clock: SnapshotClock) {
    self.layout = layout
    self.store = store
    self.deadline = deadline
    planner = CommitPlanner(layout: layout, store: store, clock: clock)
    manifests = S3Manifests(layout: layout, store: store)
  }

  func publish(_ plans: [SnapshotPlan]) throws(PublishFailure) -> SnapshotID {
    do throws(PublishFailure) {
      return try untilDone { state throws(PublishFailure) in try attempt(plans, &state) }
    } catch {
      // Where this process stood still, that says more than what the others did meanwhile.
      if case .late = error { try check(plans) }
      throw error
    }
  }

  private func check(_ plans: [SnapshotPlan]) throws(PublishFailure) {
    do throws(FileFailure) { try planner.check(plans) } catch { throw .file(error) }
  }

  func restorePointer() throws(PublishFailure) {
    _ = try untilDone { state throws(PublishFailure) in
      do throws(FileFailure) { return try restorePointer(&state) } catch { throw .file(error) }
    }
  }

  /// Mends it as a commit would before it moves it.
  private func restorePointer(_ state: inout State) throws(FileFailure) -> Outcome {
    guard var turn = try turn(&state) else { return .outrun }
    (state.turn, state.head) = (nil, nil)
    guard try S3Fence(layout, store).begin(&turn) else { return .outrun }
    let head = try planner.head(pointer: turn.pointer?.id, known: nil, searches: true)
    guard let head, turn.pointer?.id != head.id else { return .published(head?.id ?? .beforeAll) }
    let etag = try store.swap(layout.pointer, Array(head.id.description.utf8), was: turn.pointer?.etag)
    return etag == nil ? .outrun : .published(head.id)
  }

  /// - Returns: the newest snapshot.
  private func untilDone(
    _ work: (inout State) throws(PublishFailure) -> Outcome
  ) throws(PublishFailure) -> SnapshotID {
    try state.withLock { state throws(PublishFailure) in
      let start = ContinuousClock.now
      var longest = Duration.milliseconds(10)
      while true {
        // Whoever stood still in the middle of a try has another.
        let isLast = ContinuousClock.now - start >= deadline
        if case .published(let id) = try work(&state) { return id }
        guard !isLast else { throw .late(outrun()) }
        let waited = ContinuousClock.now - start
        if waited >= Self.patience { store.client.tellWait(waitingFor) }
        // Nobody's pauses grow much: who has waited long has no fewer chances than who has just come.
        OwnThread.block(for: longest * Double.random(in: 0.2...1))
        longest = min(longest * 2, .milliseconds(150))
      }
    }
  }

  /// After so long a person may wonder.
  private static let patience = Duration.seconds(2)

  private var waitingFor: String {
    "another commit to \(layout.folder) was announced; one of which nothing more comes is passed over "
      + "\(store.lease.components.seconds) s after its last sign"
  }

  private func outrun() -> QuarryError {
    QuarryError(
      .storage, "cannot commit to \(layout.folder): other writers kept it from its turn for \(deadline)",
      remedy: "let fewer processes write at once, or commit less often (--policy streaming)")
  }

  private func attempt(_ plans: [SnapshotPlan], _ state: inout State) throws(PublishFailure) -> Outcome {
    let preparation: Preparation
    do throws(FileFailure) { preparation = try prepare(plans, &state) } catch { throw .file(error) }
    switch preparation {
    case .ready(let commit, let turn): return try conclude(commit, turn, &state)
    case .failed(let commit, let turn, let failure):
      let outcome = try giveUp(commit, turn)
      if outcome == .outrun, let failure { throw .file(failure) }
      return outcome
    case .over(let outcome): return outcome
    }
  }

  /// All but the pointer.
  private func prepare(_ plans: [SnapshotPlan], _ state: inout State) throws(FileFailure) -> Preparation {
    guard var turn = try turn(&state) else { return .over(.outrun) }
    try planner.check(plans)
    state.turn = nil
    let fence = S3Fence(layout, store)
    guard try fence.begin(&turn) else { return .over(.outrun) }
    let isTakenOver = turn.isTaken
    let unpublished = isTakenOver ? turn.intent.ids : []
    let looksAhead = looksAhead(turn, state)
    let head =
      try turn.begins
      ? nil
      : planner.head(
        pointer: turn.pointer?.id, known: looksAhead ? nil : state.head, besides: unpublished, looksAhead: looksAhead,
        as: turn)
    if looksAhead { state.lookedAhead = planner.clock.time() }
    var commit = S3Commit(
      planner.number(plans, after: head, pointer: floor(head, turn, state.announced)),
      leftovers: try leftovers(of: turn, head), in: layout)
    state.announced = commit.newest.id
    let announcement = commit.intent.with(commit.leftovers)
    guard try turn.announce(announcement, after: commit.parent, fences: isTakenOver, layout, store) else {
      state.isAlone = false
      return .over(.outrun)
    }
    do throws(FileFailure) {
      let isOurs = try isTakenOver ? fence.put(before: &turn) : true
      if isOurs {
        try manifests.clear(commit.leftovers)
        commit.leftovers = []
        if try write(commit, &turn) {
          // Writing may have taken as long as a collector waits, or whoever wants the run's id.
          try planner.check(plans)
          return .ready(commit, turn)
        }
      }
      return .failed(commit, turn, nil)
    } catch {
      return .failed(commit, turn, error)
    }
  }

  /// Whether what lies behind `latest` is to be listed. `latest` and `latest.lock` may have been put back together, and then say
  /// nothing of what was committed since: it shows where `latest` is older than what is known here. Where they were put back to
  /// this writer's own last commit, with others' after it, nothing shows, so that is looked for again after a minute.
  private func looksAhead(_ turn: S3Turn, _ state: State) -> Bool {
    if let newest = state.newest, turn.pointer?.id.map({ $0 < newest }) ?? false { return true }
    guard let since = state.lookedAhead else { return true }
    return !(.zero..<Self.longestTrust).contains(planner.clock.time() - since)
  }

  private static let longestTrust = Duration.seconds(60)

  /// What no id may be below: no other writer's, announced or withdrawn, is ever taken again, also where this machine's
  /// clock is behind and the next free one is what all would take.
  private func floor(_ head: CommitPlanner.Head?, _ turn: S3Turn, _ announced: SnapshotID?) -> SnapshotID? {
    let taken = [head?.id, turn.pointer?.id, turn.newestBelieved(at: planner.clock.time()), announced]
    return taken.compactMap(\.self).max().map { SnapshotID($0.value + .random(in: 1...1_000_000)) }
  }

  /// What a crashed writer announced and left off the chain; its own pointer can come no more once the fence is put. But what
  /// is there as a whole and older than the head was off it when another program committed, onto an old pointer perhaps, and
  /// may have been acknowledged before: a repair tells.
  private func leftovers(
    of turn: S3Turn, _ head: CommitPlanner.Head?
  ) throws(FileFailure) -> [CommitIntent.Entry] {
    if let newest = turn.intent.newest, newest == turn.pointer?.id { return [] }
    let abandoned = try turn.intent.abandoned(head: head?.id, in: layout).filter { !turn.lost.contains($0.id) }
    guard let newest = turn.intent.newest, let head, newest < head.id, !abandoned.isEmpty else { return abandoned }
    var chain = ChainReader(layout: layout)
    return try chain.base(ofAnnounced: Set(turn.intent.ids)) == nil ? abandoned : []
  }

  /// - Returns: nil when it is another's.
  private func turn(_ state: inout State) throws(FileFailure) -> S3Turn? {
    if state.isAlone, let turn = state.turn { return turn }
    let turn = try S3Turn.look(layout, store)
    state.newest = [state.newest, turn.pointer?.id].compactMap(\.self).max()
    state.isAlone = turn.etag != nil && state.turn?.etag == turn.etag
    // Our own is over, though somebody has spoiled the pointer since.
    let isOurs = turn.pointer?.id == nil && turn.intent.newest == state.head?.id
    guard turn.isTaken, !isOurs else { return turn }
    return state.watch.isStale(turn.etag, after: store.honoursConditions ? store.lease : .zero) ? turn : nil
  }

  /// - Returns: false when another was first.
  private func write(_ commit: S3Commit, _ turn: inout S3Turn) throws(FileFailure) -> Bool {
    var announced = ContinuousClock.now
    guard try manifests.writePartitions(of: commit.snapshots), try renew(commit, &turn, &announced),
      try manifests.writeCanonical(of: commit.snapshots)
    else { return false }
    return try renew(commit, &turn, &announced)
  }

  /// Says again what it is at, before others take it for dead.
  private func renew(
    _ commit: S3Commit, _ turn: inout S3Turn, _ announced: inout ContinuousClock.Instant
  ) throws(FileFailure) -> Bool {
    guard ContinuousClock.now - announced > store.lease / 3 else { return true }
    announced = .now
    return try turn.announce(commit.intent, after: commit.parent, layout, store)
  }

  /// Moves the pointer.
  private func conclude(
    _ commit: S3Commit, _ turn: S3Turn, _ state: inout State
  ) throws(PublishFailure) -> Outcome {
    let digits = Array(commit.newest.id.description.utf8)
    let condition = store.condition(turn.pointer.map { .matches($0.etag) } ?? .absent)
    do throws(S3Error) {
      let etag = try store.client.put(store.key(layout.pointer), digits, if: condition)
      var turn = turn
      turn.pointer = S3Turn.Pointer(id: commit.newest.id, raw: digits, etag: etag)
      (state.turn, state.head, state.newest) = (turn, commit.newest, commit.newest.id)
      return .published(commit.newest.id)
    } catch {
      return try settle(commit, turn, error)
    }
  }

  /// After the pointer did not move as it should. Nothing but that its condition failed says that it has not moved: a
  /// refusal may be the word of a proxy that had passed the write on.
  private func settle(_ commit: S3Commit, _ turn: S3Turn, _ error: S3Error) throws(PublishFailure) -> Outcome {
    do throws(FileFailure) {
      if try S3Fence(layout, store).isPublished(commit.newest.id, from: turn) { return .published(commit.newest.id) }
    } catch {
      throw unknown(error, commit, turn)
    }
    withdraw(commit, turn)
    guard mayPass(error) else { throw .file(FileFailure(error, layout.pointer)) }
    return .outrun
  }

  private func mayPass(_ error: S3Error) -> Bool {
    switch error.kind {
    case .uncertain, .malformed, .conditionFailed: true
    // Without conditions nobody says that a lost answer may have been a good one.
    case .unavailable: !store.honoursConditions
    default: false
    }
  }

  /// Before the pointer was moved by this writer. Who took it for dead may have moved it here.
  private func giveUp(_ commit: S3Commit, _ turn: S3Turn) throws(PublishFailure) -> Outcome {
    do throws(FileFailure) {
      if try S3Fence(layout, store).isPublished(commit.newest.id, from: turn, isNamed: true) {
        return .published(commit.newest.id)
      }
    } catch {
      throw unknown(error, commit, turn, isNamed: true)
    }
    withdraw(commit, turn)
    return .outrun
  }

  /// Its manifests stay, and are announced: whoever takes it over carries it out, or removes them.
  private func unknown(
    _ error: FileFailure, _ commit: S3Commit, _ turn: S3Turn, isNamed: Bool = false
  ) -> PublishFailure {
    let unsettled = UnsettledCommit { [self] () throws(FileFailure) in
      if try S3Fence(layout, store).isPublished(commit.newest.id, from: turn, isNamed: isNamed) { return true }
      withdraw(commit, turn)
      return false
    }
    return .unknown(error, unsettled)
  }

  /// Takes its manifests back, and then its announcement: as long as some are there, it says whose they are.
  private func withdraw(_ commit: S3Commit, _ turn: S3Turn) {
    guard manifests.remove(commit.intent) else { return }
    var turn = turn
    do throws(FileFailure) {
      _ = try turn.announce(CommitIntent().with(commit.leftovers), after: commit.parent, layout, store)
    } catch {
      // Others wait for the lease instead.
    }
  }
}
