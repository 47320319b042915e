import QuarryRuntime
import Testing

@Suite struct FanOutQueueTests {
  private let now = ContinuousClock.now
  private var queue = FanOutQueue()

  private func run(_ id: String, lane: String? = nil) -> FanOutRun {
    FanOutRun(script: "/a.ts", params: "{}", runID: id, lane: lane)
  }

  private mutating func take(after: Duration = .zero) -> String? { queue.takeNext(now: now + after)?.runID }

  @Test mutating func lanesGoInTheirOrderAndEachAsItWasEnqueued() {
    queue.add(run("l", lane: "low"), due: nil)
    queue.add(run("d1"), due: nil)
    queue.add(run("h1", lane: "high"), due: nil)
    queue.add(run("d2", lane: "unknown"), due: nil)
    queue.add(run("h2", lane: "high"), due: nil)
    #expect(queue.count == 5)
    #expect((0..<6).map { _ in take() } == ["h1", "h2", "d1", "d2", "l", nil])
    #expect(queue.isEmpty)
    queue.add(run("again"), due: nil)
    #expect(take() == "again")
  }

  @Test mutating func whatIsDelayedBeginsAtItsTime() {
    queue.add(run("late"), due: now + .seconds(5))
    queue.add(run("soon", lane: "low"), due: now + .seconds(1))
    queue.add(run("also soon", lane: "high"), due: now + .seconds(1))
    queue.add(run("now"), due: nil)
    #expect(queue.nextDue == now + .seconds(1))
    #expect([take(), take()] == ["now", nil])
    #expect(
      [take(after: .seconds(1)), take(after: .seconds(1)), take(after: .seconds(1))] == ["also soon", "soon", nil])
    #expect(queue.nextDue == now + .seconds(5))
    #expect(queue.count == 1)
    #expect(take(after: .seconds(9)) == "late")
    #expect(queue.nextDue == nil)
  }
}
