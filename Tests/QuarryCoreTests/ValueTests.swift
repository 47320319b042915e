import QuarryCore
import Synchronization
import Testing

@Suite struct ValueTests {
  @Test(arguments: [
    ("500ms", 500), ("5s", 5_000), ("1m30s", 90_000), ("24h", 86_400_000), ("0s", 0), ("1h2m3s4ms", 3_723_004),
  ]) func readsDurations(text: String, milliseconds: Int64) {
    #expect(Duration(text: text)?.milliseconds == milliseconds)
  }

  @Test(arguments: [
    "", "5", "s", "5 s", "-5s", "5s5s", "1s1m", "1.5s", "99999999999999999999s", "9223372036854775807h", "876001h",
  ])
  func refusesOtherDurations(text: String) { #expect(Duration(text: text) == nil) }

  @Test(arguments: ["500ms", "5s", "1m30s", "24h", "0ms", "1h2m3s4ms"])
  func durationsRoundTrip(text: String) { #expect(Duration(text: text)?.text == text) }

  @Test func aRunThatIsBeingStoppedHearsOfAShutdownToo() {
    let control = RunControl()
    let heard = Mutex<[RunControl.StopReason]>([])
    control.stop(.cancelled)
    control.whenStopped { reason in heard.withLock { $0.append(reason) } }
    control.stop(.shutdown)
    #expect(heard.withLock { $0 } == [.cancelled, .shutdown])
    #expect(control.stopReason == .cancelled)
  }

  @Test func timestampsRoundTrip() throws {
    let time = try #require(Timestamp("2026-11-24T01:02:03.456789Z"))
    #expect(time.text(fraction: 6) == "2026-11-24T01:02:03.456789Z")
    #expect(time.day == "2026-11-24")
    #expect(Timestamp("2026-11-24T02:02:03.456789+01:00") == time)
    #expect(Timestamp("yesterday") == nil)
    for text in [
      "9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
      "2026-11-24T24:00:00Z", "2026-11-24T10:60:00Z", "2026-00-10T00:00:00Z", "+026-11-24T00:00:00Z",
    ] {
      #expect(Timestamp(text) == nil, "\(text)")
    }
    #expect(Timestamp("2024-02-29T23:59:60Z") == Timestamp("2024-03-01T00:00:00Z"))
  }

  @Test func uuidsAreOrderedByTimeAndWellFormed() {
    var generator = SystemRandomNumberGenerator()
    let early = UUIDv7.make(milliseconds: 1_000, using: &generator)
    let late = UUIDv7.make(milliseconds: 2_000, using: &generator)
    #expect(early < late)
    #expect(early.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
  }

  @Test func fingerprintDependsOnTargetAndParamsAlone() {
    let base = Fingerprint.of(target: "a.ts", canonicalParams: "{}")
    #expect(base.count == 32)
    #expect(base != Fingerprint.of(target: "a.ts{", canonicalParams: "}"))
    #expect(Fingerprint.ofContent([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test func theFirstStopReasonWinsAndDeadlinesOnlyGrow() {
    let control = RunControl(deadline: 10)
    control.stop(.cancelled)
    control.stop(.shutdown)
    #expect(control.stopReason == .cancelled)
    control.extend(to: 5)
    #expect(control.deadline == 10)
    control.extend(to: 20)
    #expect(control.deadline == 20)
  }
}
