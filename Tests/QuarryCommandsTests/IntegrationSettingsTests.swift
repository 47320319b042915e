import Foundation
import QuarryCommands
import QuarryCore
import QuarryPublish
import TestSupport
import Testing

/// What adapters' and event sinks' flags and configuration keys come to, and what is refused.
@Suite struct IntegrationSettingsTests {
  private func settings(_ arguments: String..., yaml: String? = nil) throws -> RunSettings {
    let folder = TemporaryDirectory()
    try "export default () => {};".write(toFile: folder.path + "/list.ts", atomically: true, encoding: .utf8)
    var all = ["run", "--script", "list.ts", "--executor", "/bin/true"] + arguments
    if let yaml {
      try yaml.write(toFile: folder.path + "/q.yaml", atomically: true, encoding: .utf8)
      all += ["--config", "q.yaml"]
    }
    let context = CommandContext(
      environment: ["TOKEN": "canary"], workingDirectory: folder.path, console: .silent)
    return try RunSettings(try #require(try QuarryProgram.command(all) as? RunCommand), in: context)
  }

  private func refusal(_ arguments: String..., yaml: String? = nil) -> String {
    let error = #expect(throws: QuarryError.self) {
      switch arguments.count {
      case 0: _ = try settings(yaml: yaml)
      default:
        // Variadic arguments cannot be handed on.
        let context = CommandContext(environment: [:], workingDirectory: "/", console: .silent)
        let command = try QuarryProgram.command(
          ["run", "--script", "/etc/hostname", "--executor", "/bin/true"] + arguments)
        _ = try RunSettings(try #require(command as? RunCommand), in: context)
      }
    }
    #expect(error?.kind == .usage)
    #expect(error?.description.contains("canary") == false)
    return error?.message ?? ""
  }

  @Test func nothingIsTheDefault() throws {
    let settings = try settings()
    #expect(settings.adapter == nil)
    #expect(settings.eventSinks == EventSinkSettings())
  }

  @Test func flagsOfAWebhook() throws {
    let adapter = try #require(
      try settings(
        "--adapter", "webhook", "--adapter-url", "http://h/x", "--adapter-header", "A=b=c", "--adapter-header", "D=",
        "--adapter-outbox"
      ).adapter)
    guard case .webhook("http://h/x", let headers) = adapter.target else {
      Issue.record("another adapter")
      return
    }
    #expect(headers.map(\.name) == ["A", "D"])
    #expect(headers.map(\.value) == ["b=c", ""])
    #expect(adapter.timeout == .seconds(10) && adapter.retries == 3 && adapter.keepsPending)
  }

  @Test func configurationStandsBehindFlags() throws {
    let yaml = """
      adapter:
        { type: webhook, url: "http://h/x", headers: { X-Token: "${TOKEN}", Y: y }, timeout: 2s, retries: 0, outbox: true }
      """
    let adapter = try #require(
      try settings("--adapter-header", "x-token=mine", "--adapter-retries", "5", yaml: yaml).adapter)
    guard case .webhook("http://h/x", let headers) = adapter.target else {
      Issue.record("another adapter")
      return
    }
    #expect(headers.map(\.value) == ["mine", "y"])
    #expect(adapter.timeout == .seconds(2) && adapter.retries == 5 && adapter.keepsPending)
    let other = try #require(
      try settings("--adapter", "redis", "--adapter-url", "redis://h", yaml: yaml).adapter)
    guard case .channel(let endpoint, "quarry:run_completed") = other.target else {
      Issue.record("another adapter")
      return
    }
    #expect("\(endpoint)" == "redis://h:6379")
    #expect(other.keepsPending && other.retries == 0, "what holds for every type stays")
  }

  @Test func adaptersAreChecked() {
    #expect(refusal("--adapter", "webhok").contains("unknown adapter 'webhok'"))
    #expect(refusal("--adapter", "webhook").contains("has no URL"))
    #expect(refusal("--adapter-url", "http://canary/").contains("its type is missing"))
    #expect(refusal("--adapter-outbox").contains("its type is missing"))
    #expect(
      refusal("--adapter", "webhook", "--adapter-url", "http://h", "--adapter-header", "canary").contains("name=value"))
    #expect(
      refusal("--adapter", "webhook", "--adapter-url", "http://h", "--adapter-channel", "c").contains("no channel"))
    #expect(
      refusal("--adapter", "redis", "--adapter-url", "redis://h", "--adapter-header", "a=b").contains("no headers"))
    #expect(refusal("--adapter", "redis", "--adapter-url", "http://:canary@h").contains("Redis address"))
    #expect(refusal(yaml: "adapter: { url: canary }").contains("its type is missing"))
    #expect(
      refusal(yaml: "adapter: { type: webhook, url: 5, headers: [canary] }").contains("'adapter.url' must be a text"))
    #expect(refusal(yaml: "adapter: { typ: webhook }").contains("unknown key 'adapter.typ'"))
  }

  @Test func sinksOfTheFlags() throws {
    let sinks = try settings(
      "--event-sink", "lode", "--event-sink", "redis", "--event-sink-redis-url", "redis://h",
      "--event-sink-redis-max-len", "-1", "--event-sink-ttl", "-1", "--event-sink-redis-delivery", "mandatory",
      "--event-sink-lode-delivery", "best_effort"
    ).eventSinks
    #expect(sinks.lode == .bestEffort)
    let stream = try #require(sinks.stream)
    #expect(stream.maximumLength == nil && stream.ttl == nil && stream.delivery == .mandatory)
    #expect(stream.key == "quarry:events" && stream.timeout == .seconds(2) && stream.retries == 2)
    let zero = try settings(
      "--event-sink", "redis", "--event-sink-redis-url", "redis://h", "--event-sink-redis-max-len", "0",
      "--event-sink-redis-ttl", "0"
    ).eventSinks
    #expect(zero.lode == nil)
    #expect(zero.stream?.maximumLength == 100_000 && zero.stream?.ttl == .seconds(86_400))
    #expect(zero.stream?.delivery == .bestEffort)
  }

  @Test func sinksOfTheConfiguration() throws {
    let yaml = """
      events:
        sinks:
          - { type: lode }
          - { type: redis, url: "redis://:${TOKEN}@h", stream_key: k, max_len: 5, ttl: 1h, timeout: 1s, retries: 0 }
      """
    let sinks = try settings("--event-sink-redis-retries", "7", yaml: yaml).eventSinks
    #expect(sinks.lode == .mandatory)
    let stream = try #require(sinks.stream)
    #expect(stream.key == "k" && stream.maximumLength == 5 && stream.ttl == .seconds(3_600) && stream.retries == 7)
    #expect(stream.endpoint.password == "canary")
    let alone = try settings("--event-sink", "redis", yaml: yaml).eventSinks
    #expect(alone.lode == nil && alone.stream?.key == "k")
    #expect(try settings("--event-sink", "lode", yaml: yaml).eventSinks.stream == nil)
  }

  @Test func sinksAreChecked() {
    let redis = ["--event-sink", "redis", "--event-sink-redis-url", "redis://h"]
    #expect(refusal("--event-sink", "kafka").contains("unknown event sink 'kafka'"))
    #expect(refusal("--event-sink", "lode", "--event-sink", "lode").contains("named twice"))
    #expect(refusal("--event-sink", "redis").contains("has no URL"))
    #expect(refusal("--event-sink-redis-url", "redis://:canary@h").contains("not among the sinks"))
    #expect(
      refusal(redis[0], redis[1], redis[2], redis[3], "--event-sink-lode-delivery", "mandatory").contains("not among"))
    #expect(refusal(redis[0], redis[1], redis[2], redis[3], "--event-sink-redis-max-len", "-2").contains("length"))
    #expect(refusal(redis[0], redis[1], redis[2], redis[3], "--event-sink-redis-ttl", "soon").contains("'soon'"))
    #expect(refusal(redis[0], redis[1], redis[2], redis[3], "--event-sink-redis-delivery", "maybe").contains("'maybe'"))
    #expect(refusal(yaml: "events: { sinks: [{ url: canary }] }").contains("'events.sinks[0].type' is missing"))
    #expect(refusal(yaml: "events: { sinks: [{ type: redis }] }").contains("has no URL"))
    #expect(refusal(yaml: "events: { sinks: [{ type: lode }, { type: lode }] }").contains("named twice"))
    #expect(refusal(yaml: "events: { sinks: { type: lode } }").contains("must be a list"))
    #expect(
      refusal(yaml: "events: { sinks: [{ type: lode, colour: red }] }").contains("unknown key 'events.sinks[0].colour'")
    )
  }
}
