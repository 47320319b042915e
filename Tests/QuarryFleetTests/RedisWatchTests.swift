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
