import QuarryCore
import QuarryPublish
import RedisClient
import TestSupport
import Testing

@Suite struct RunCompletedTests {
  private let notification = RunCompleted(
    runID: "r\"1", source: "shop", category: "détail", day: "2026-11-24", outcome: .scriptError,
    storagePath: "file:///data/x", timestamp: Timestamp(nanoseconds: 1_795_478_401_999_000_000), jobID: "j", attempt: 2,
    eventCount: 12, durationMilliseconds: 345)

  @Test func isTheContractsJSON() {
    #expect(
      notification.json == #"{"contract_version":"\#(Version.current)","event_type":"run_completed","run_id":"r\"1","#
        + #""source":"shop","category":"détail","day":"2026-11-24","outcome":"script_error","#
        + #""storage_path":"file:///data/x","timestamp":"2026-11-24T00:00:01Z","job_id":"j","attempt":2,"#
        + #""event_count":12,"duration_ms":345}"#)
  }

  @Test func leavesOutAnAbsentJob() throws {
    var copy = notification
    copy.jobID = nil
    #expect(try JSONParser.parse(copy.json)["job_id"] == nil)
  }

  @Test func isHeardByASubscriber() async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let subscription = try await redis.subscribe(to: [ChannelPublisher.defaultChannel])
    try await ChannelPublisher(connection: redis).publish([notification.json])
    var messages = subscription.makeAsyncIterator()
    #expect(await messages.next()?.payload == Array(notification.json.utf8))
  }

  @Test func outageIsAnErrorThatNamesTheChannel() async throws {
    let server = try RedisServer.start()
    var options = RedisOptions()
    options.callTimeout = .milliseconds(200)
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url), options: options)
    server.kill()
    let error = await #expect(throws: QuarryError.self) {
      try await ChannelPublisher(connection: redis, channel: "c").publish(["{}"])
    }
    #expect(error?.kind == .redis && error?.message.contains("on c") == true)
  }
}
