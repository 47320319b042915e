/// Work of a fan-out that has not begun: what may begin now, in the order of its lanes and then as it was enqueued, and
/// what waits for its time.
package struct FanOutQueue {
  private static let lanes = ["high", "default", "low"]

  private var ready: [[FanOutRun]] = lanes.map { _ in [] }
  /// Taken from the front of each lane.
  private var taken = [Int](repeating: 0, count: lanes.count)
  private var delayed: [(due: ContinuousClock.Instant, run: FanOutRun)] = []

  package init() {}

  package var isEmpty: Bool { count == 0 }
  package var count: Int { zip(ready, taken).reduce(delayed.count) { $0 + $1.0.count - $1.1 } }
  /// When the next of what waits for its time may begin.
  package var nextDue: ContinuousClock.Instant? { delayed.first?.due }

  /// - Parameter due: when it may begin; nil for at once.
  package mutating func add(_ run: FanOutRun, due: ContinuousClock.Instant?) {
    guard let due else { return ready[Self.index(of: run.lane)].append(run) }
    let place = delayed.lastIndex { $0.due <= due }.map { $0 + 1 } ?? 0
    delayed.insert((due, run), at: place)
  }

  package mutating func takeNext(now: ContinuousClock.Instant) -> FanOutRun? {
    while let first = delayed.first, first.due <= now { add(delayed.removeFirst().run, due: nil) }
    guard let lane = ready.indices.first(where: { taken[$0] < ready[$0].count }) else { return nil }
    defer {
      taken[lane] += 1
      if taken[lane] == ready[lane].count { (ready[lane], taken[lane]) = ([], 0) }
    }
    return ready[lane][taken[lane]]
  }

  mutating func removeAll() { self = FanOutQueue() }

  /// An unknown lane is the default one, as in a fleet.
  private static func index(of lane: String?) -> Int { lane.flatMap { lanes.firstIndex(of: $0) } ?? 1 }
}
