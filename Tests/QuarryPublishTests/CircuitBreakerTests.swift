import QuarryPublish
import Synchronization
import Testing

@Suite struct CircuitBreakerTests {
  private final class Clock: Sendable {
    private let time = Mutex(ContinuousClock.now)
    var now: ContinuousClock.Instant { time.withLock { $0 } }
    func pass(_ duration: Duration) { time.withLock { $0 += duration } }
  }

  private let clock = Clock()

  private func breaker() -> CircuitBreaker {
    let clock = clock
    return CircuitBreaker(threshold: 3, pause: .seconds(5), longestPause: .seconds(15), now: { clock.now })
  }

  private func fail(_ breaker: CircuitBreaker) {
    #expect(breaker.allows())
    breaker.failed()
  }

  @Test func opensAfterFailuresInARow() {
    let breaker = breaker()
    for _ in 1...2 { fail(breaker) }
    #expect(breaker.allows())
    breaker.succeeded()
    for _ in 1...3 { fail(breaker) }
    #expect(!breaker.allows())
    #expect(breaker.isOpen)
  }

  @Test func letsOneThroughAfterThePause() {
    let breaker = breaker()
    for _ in 1...3 { fail(breaker) }
    clock.pass(.seconds(4))
    #expect(!breaker.allows())
    clock.pass(.seconds(1))
    #expect(breaker.allows())
    #expect(!breaker.allows(), "a second one while the first is under way")
    breaker.succeeded()
    #expect(breaker.allows() && breaker.allows())
  }

  @Test func thePauseDoublesUpToItsBound() {
    let breaker = breaker()
    breaker.failed(isOutage: true)
    for pause in [5, 10, 15, 15] {
      clock.pass(.seconds(pause) - .milliseconds(1))
      #expect(!breaker.allows(), "\(pause)")
      clock.pass(.milliseconds(1))
      fail(breaker)
    }
  }

  @Test func callsThatBeganBeforeItOpenedDoNotMakeThePauseLonger() {
    let breaker = breaker()
    for _ in 1...8 { #expect(breaker.allows()) }
    for _ in 1...8 { breaker.failed() }
    clock.pass(.seconds(5))
    #expect(breaker.allows())
  }
}
