import QuarryCore
import QuarryPublish
import RedisClient
import TestSupport
import Testing

/// The channel of a real Redis that is up, paused, away and back again.
@Suite struct ChannelAdapterTests {
  private func adapter(_ server: RedisServer, timeout: Duration = .seconds(30)) throws -> ChannelAdapter {
    ChannelAdapter(endpoint: try RedisEndpoint(url: server.url), channel: "c", timeout: timeout)
  }

  /// The adapter blocks, so it is called as runs call it: from a thread of its own.
  private func send(_ adapter: ChannelAdapter, _ json: String) async -> DeliveryFailure? {
    await OwnThread.run { () -> DeliveryFailure? in
      do throws(DeliveryFailure) { try adapter.send(json, within: nil) } catch { return error }
      return nil
    }
  }

  @Test func aSubscriberHearsIt() async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let subscription = try await redis.subscribe(to: ["c"])
    #expect(await send(try adapter(server), "{}") == nil)
    var messages = subscription.makeAsyncIterator()
    #expect(await messages.next()?.payload == Array("{}".utf8))
  }

  @Test func awayAndBackAgain() async throws {
    let server = try RedisServer.start()
    let adapter = try adapter(server)
    #expect(await send(adapter, "{}") == nil)
    server.kill()
    let failure = await send(adapter, "{}")
    #expect(failure?.isFinal == false)
    try server.restart()
    // The connection comes back by itself; a try during its pause fails as an outage does.
    var last = await send(adapter, "{}")
    while last != nil { last = await send(adapter, "{}") }
  }

  @Test func aPausedServerEndsWithTheTimeLimit() async throws {
    let server = try RedisServer.start()
    server.pause()
    defer { server.resume() }
    #expect(await send(try adapter(server, timeout: .milliseconds(200)), "{}")?.isFinal == false)
  }

  @Test func aWrongPasswordIsFinalAndNotShown() async throws {
    var options = RedisServer.Options()
    options.password = "right"
    let server = try RedisServer.start(options)
    let endpoint = try RedisEndpoint(url: "unix://:canary@" + server.socketPath)
    let failure = await send(ChannelAdapter(endpoint: endpoint, channel: "c", timeout: .seconds(30)), "{}")
    #expect(failure?.isFinal == true)
    #expect(failure?.message.contains("canary") == false)
  }
}
