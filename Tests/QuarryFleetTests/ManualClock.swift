import QuarryCore
import QuarryFleet
import Synchronization

/// A clock that stands still until a test moves it.
final class ManualClock: Sendable {
  private struct State {
    var now: UInt64 = 0
    var sleepers: [(until: UInt64, wake: AsyncStream<Never>.Continuation)] = []
  }
  private let state = Mutex(State())
  /// Until when somebody sleeps, for each sleep that has begun.
  let sleeps = Recorder<UInt64>()

  var clock: FleetClock {
    FleetClock(
      boot: { self.state.withLock { $0.now } }, wall: { Timestamp(milliseconds: 0) }, sleep: { await self.sleep($0) })
  }

  /// - Parameter time: in nanoseconds.
  func move(to time: UInt64) {
    state.withLock { state in
      state.now = time
      for sleeper in state.sleepers where sleeper.until <= time { sleeper.wake.finish() }
      state.sleepers.removeAll { $0.until <= time }
    }
  }

  private func sleep(_ duration: Duration) async {
    let (stream, wake) = AsyncStream<Never>.makeStream()
    let until = state.withLock { state in
      let until = state.now + UInt64(duration / .nanoseconds(1))
      if until > state.now { state.sleepers.append((until, wake)) } else { wake.finish() }
      return until
    }
    sleeps.add(until)
    for await _ in stream {}
  }
}
