import Dispatch
import QuarryCore
import Synchronization

/// Lets the writers of one process share commits: whoever comes first commits for all that wait by the time other
/// processes let it, the others sleep until theirs is done or until they are to lead. So cost per batch falls as load
/// rises, and a lone writer pays for no hand-over.
final class GroupCommit: Sendable {
  /// Why a batch was not committed.
  struct Failure: Error {
    let error: QuarryError
    let visibility: Visibility
    /// Others kept it from its turn all the time.
    var isLate = false

    enum Visibility {
      case none
      /// The pointer names it, and only the durability of the entries of these folders is in doubt.
      case sure([String])
      /// Whether the pointer names it is not known.
      case unknown(UnsettledCommit)
    }
  }

  private enum Wake: Sendable {
    case lead
    case done(Result<Void, Failure>)
  }

  /// One waiting batch and the thread that sleeps for it.
  private final class Member: Sendable {
    let batch: WrittenBatch
    /// How long it may wait for other processes.
    let end: ContinuousClock.Instant
    private let semaphore = DispatchSemaphore(value: 0)
    private let wake = Mutex<Wake>(.lead)

    init(_ batch: WrittenBatch, until end: ContinuousClock.Instant) {
      self.batch = batch
      self.end = end
    }

    func signal(_ value: Wake) {
      wake.withLock { $0 = value }
      semaphore.signal()
    }

    func wait() -> Wake {
      semaphore.wait()
      return wake.withLock { $0 }
    }
  }

  private struct State {
    /// The id under which batches that are being written now put their data.
    var openID: SnapshotID?
    var queue: [Member] = []
    var hasLeader = false
  }

  private let publisher: any SnapshotPublisher
  private let presence: DatasetPresence
  private let layout: DatasetLayout
  private let deadline: Duration
  private let clock: SnapshotClock
  private let sharesIDs: Bool
  private let state = Mutex(State())

  /// - Parameters:
  ///   - presence: told of what was committed.
  ///   - deadline: how long one commit may wait for other processes.
  ///   - sharesIDs: whether batches may lie under one id; false gives each its own.
  init(
    publisher: any SnapshotPublisher, presence: DatasetPresence, layout: DatasetLayout, deadline: Duration,
    clock: SnapshotClock, sharesIDs: Bool
  ) {
    self.publisher = publisher
    self.presence = presence
    self.layout = layout
    self.deadline = deadline
    self.clock = clock
    self.sharesIDs = sharesIDs
  }

  /// The id for data that is about to be written: the same for all that will likely share a commit, so that their
  /// data lies under their snapshot's id.
  func dataID() -> SnapshotID {
    guard sharesIDs else { return clock.next() }
    return state.withLock { state in
      let oldest = UInt64(max(0, clock.time().nanoseconds - 1_000_000_000))
      if let id = state.openID, id.value > oldest { return id }
      let id = clock.next()
      state.openID = id
      return id
    }
  }

  /// Blocks until the batch is committed, alone or with others.
  /// - Parameter patience: how long it may wait for other processes where the usual time is too long.
  func commit(_ batch: WrittenBatch, patience: Duration? = nil) throws(Failure) {
    let member = Member(batch, until: .now + (patience ?? deadline))
    let leads = state.withLock { state in
      state.queue.append(member)
      defer { state.hasLeader = true }
      return !state.hasLeader
    }
    if !leads, case .done(let result) = member.wait() { return try result.get() }
    try lead(member).get()
  }

  /// Commits all that waits by the time others let it, `own` among it; nothing but `own` fails when they do not.
  private func lead(_ own: Member) -> Result<Void, Failure> {
    do throws(PublishFailure) { try publisher.takeTurn(until: own.end) } catch {
      handOver(from: own)
      return .failure(failure(error))
    }
    let group = takeQueue()
    var results = publish(group.map(\.batch))
    let folders = publisher.endTurn()
    // The next leader may start while this one waits for the disk.
    handOver(from: own)
    makeDurable(folders, &results)
    var mine: Result<Void, Failure> = .success(())
    for (member, result) in zip(group, results) {
      if member === own { mine = result } else { member.signal(.done(result)) }
    }
    return mine
  }

  /// Waits again for what a commit left in doubt.
  func makeDurable(_ folders: [String]) throws(QuarryError) {
    do throws(PublishFailure) { try publisher.makeDurable(folders) } catch { throw error.described(layout) }
  }

  private func takeQueue() -> [Member] {
    state.withLock { state in
      defer { state.queue = [] }
      state.openID = nil
      return state.queue
    }
  }

  private func handOver(from leader: Member) {
    let next = state.withLock { state in
      state.queue.removeAll { $0 === leader }
      state.hasLeader = !state.queue.isEmpty
      return state.queue.first
    }
    next?.signal(.lead)
  }

  private func publish(_ batches: [WrittenBatch]) -> [Result<Void, Failure>] {
    do throws(PublishFailure) {
      presence.wrote(try publisher.publish(SnapshotPlan.plans(for: batches)))
      return batches.map { _ in .success(()) }
    } catch {
      // One batch whose folders cannot be written must not fail the others.
      if error.mayBeOfOneBatch, batches.count > 1 { return batches.flatMap { publish([$0]) } }
      let failure = failure(error)
      return batches.map { _ in .failure(failure) }
    }
  }

  private func failure(_ failure: PublishFailure) -> Failure {
    let visibility: Failure.Visibility = if case .unknown(_, let commit) = failure { .unknown(commit) } else { .none }
    let isLate = if case .late = failure { true } else { false }
    return Failure(error: failure.described(layout), visibility: visibility, isLate: isLate)
  }

  private func makeDurable(_ folders: [String], _ results: inout [Result<Void, Failure>]) {
    guard results.contains(where: { if case .success = $0 { true } else { false } }) else { return }
    do throws(PublishFailure) { try publisher.makeDurable(folders) } catch {
      let failure = Failure(error: error.described(layout), visibility: .sure(folders))
      results = results.map { if case .success = $0 { .failure(failure) } else { $0 } }
    }
  }
}
