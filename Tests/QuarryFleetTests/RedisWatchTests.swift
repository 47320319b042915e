import QuarryCore
import QuarryFleet
import Testing

/// What is told of a Redis in trouble, as transcripts: each trouble once, and its end once.
@Suite struct RedisWatchTests {
  private let gone = QuarryError(.redis, "claim: no connection")
  private let full = QuarryError(.redis, "no memory left", isAnswer: true)
  private let told = Recorder<RedisTrouble?>()

  private func watch() -> RedisWatch { RedisWatch { [told] in told.add($0) } }

  @Test func anyAnswerEndsAnOutage() {
    let watch = watch()
    var (claim, renewal) = (RedisWatch.Refusal(), RedisWatch.Refusal())
    for _ in 0..<3 {
      watch.failed(gone, &claim)
      watch.failed(gone, &renewal)
    }
    watch.answered(&renewal)
    watch.answered(&claim)
    #expect(told.all == [.away("claim: no connection"), nil])
  }

  @Test func whatItRefusesIsNotOverWhenItServesOthers() {
    let watch = watch()
    var (claim, renewal) = (RedisWatch.Refusal(), RedisWatch.Refusal())
    for _ in 0..<3 {
      watch.failed(full, &claim)
      watch.answered(&renewal)
    }
    #expect(told.all == [.refuses("no memory left")])
    watch.answered(&claim)
    watch.answered(&renewal)
    #expect(told.all == [.refuses("no memory left"), nil])
  }

  @Test func anOutageWithinARefusalIsToldAndSoIsWhatIsLeft() {
    let watch = watch()
    var (claim, renewal) = (RedisWatch.Refusal(), RedisWatch.Refusal())
    watch.failed(full, &claim)
    watch.failed(gone, &renewal)
    watch.answered(&renewal)
    watch.answered(&claim)
    #expect(told.all == [.refuses("no memory left"), .away("claim: no connection"), .refuses("no memory left"), nil])
  }

  @Test func whatHappensAtOnceIsToldInOrder() async {
    let watch = watch()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask { [gone] in
          var call = RedisWatch.Refusal()
          for _ in 0..<500 {
            watch.failed(gone, &call)
            watch.answered(&call)
          }
        }
      }
    }
    #expect(told.all.enumerated().allSatisfy { ($1 == nil) == ($0 % 2 == 1) } && told.count % 2 == 0)
  }

  /// An outage is waited for, however long; what is refused is not.
  @Test func aCallMayBeRefusedSoOften() async {
    let clock = FleetClock(boot: { 0 }, wall: { .now() }, sleep: { _ in })
    let caller = PatientCaller(clock: clock, watch: watch()) { error in Issue.record(error) }
    let tries = Recorder<QuarryError>()
    let script = [gone, gone, full, gone, full, gone]
    let outcome = await caller.call(refusals: 2) { () async throws(QuarryError) in
      let error = script[tries.count]
      tries.add(error)
      throw error
    }
    #expect(outcome.refusal == full && tries.count == 5)
    #expect(told.all == [.away(gone.message), .refuses(full.message), .away(gone.message), .refuses(full.message)])
  }

  @Test func aCallThatIsGivenUpIsWaitedForNoMore() {
    let watch = watch()
    var (claim, renewal) = (RedisWatch.Refusal(), RedisWatch.Refusal())
    watch.failed(full, &claim)
    watch.gaveUp(claim)
    #expect(told.all == [.refuses("no memory left")])
    watch.answered(&renewal)
    #expect(told.all == [.refuses("no memory left"), nil])
  }
}
