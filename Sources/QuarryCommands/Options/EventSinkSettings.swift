import QuarryCore
import QuarryPublish
import RedisClient

/// The resolved event sinks of a process' runs.
package struct EventSinkSettings: Sendable, Equatable {
  package enum Sink: String, CaseIterable {
    case lode, redis
  }

  /// Nil leaves events out of the dataset; artifacts and metrics go there all the same.
  package var lode: SinkDelivery? = .mandatory
  package var stream: StreamOptions?

  package init() {}

  /// Flags over configuration; a sink that a flag names replaces the configuration's list, not what it says of the sink.
  /// - Throws: `QuarryError(.usage)` for a sink that is unknown, named twice, or lacks what it needs.
  static func resolve(
    _ flags: EventSinkOptions, configuration: [Configuration.EventSink]
  ) throws(QuarryError) -> EventSinkSettings {
    let configured = try unique(configuration.map(\.type), from: "events.sinks of the configuration")
    let flagged = try unique(flags.eventSink, from: "--event-sink")
    let sinks = flagged.isEmpty ? (configured.isEmpty ? [.lode] : configured) : flagged
    func described(_ sink: Sink) -> Configuration.EventSink? { configuration.first { $0.type == sink.rawValue } }
    var settings = EventSinkSettings()
    if sinks.contains(.lode) {
      settings.lode = try delivery(flags.eventSinkLodeDelivery ?? described(.lode)?.delivery) ?? .mandatory
    } else {
      guard flags.eventSinkLodeDelivery == nil else { throw unnamed("lode") }
      settings.lode = nil
    }
    if sinks.contains(.redis) {
      settings.stream = try stream(flags, described(.redis) ?? Configuration.EventSink(type: Sink.redis.rawValue))
    } else if flags.describesStream {
      throw unnamed("redis")
    }
    return settings
  }

  private static func unique(_ names: [String], from place: String) throws(QuarryError) -> [Sink] {
    var sinks: [Sink] = []
    for name in names {
      guard let sink = Sink(rawValue: name) else {
        let nearest = Nearest.to(name, among: Sink.allCases.map(\.rawValue)).map { "did you mean '\($0)'?" }
        throw QuarryError(.usage, "unknown event sink '\(name)' (\(place))", remedy: nearest ?? "use lode or redis")
      }
      guard !sinks.contains(sink) else {
        throw QuarryError(.usage, "event sink '\(name)' is named twice (\(place))", remedy: "name each sink once")
      }
      sinks.append(sink)
    }
    return sinks
  }

  private static func unnamed(_ sink: String) -> QuarryError {
    QuarryError(
      .usage, "the event sink '\(sink)' is described and not among the sinks",
      remedy: sink == "redis" ? "add --event-sink lode --event-sink redis" : "add --event-sink lode")
  }

  private static func stream(
    _ flags: EventSinkOptions, _ configured: Configuration.EventSink
  ) throws(QuarryError) -> StreamOptions {
    guard let url = flags.eventSinkRedisUrl ?? configured.url, !url.isEmpty else {
      throw QuarryError(
        .usage, "the event sink 'redis' has no URL",
        remedy: "name it with --event-sink-redis-url, for example redis://127.0.0.1")
    }
    var options: StreamOptions
    do throws(RedisError) { options = StreamOptions(endpoint: try RedisEndpoint(url: url)) } catch {
      throw QuarryError(.usage, error.message, remedy: error.remedy)
    }
    if let key = flags.eventSinkRedisStreamKey ?? configured.streamKey, !key.isEmpty { options.key = key }
    options.maximumLength = try maximumLength(flags.eventSinkRedisMaxLen ?? configured.maxLen)
    options.ttl = try ttl(flags.eventSinkRedisTtl ?? configured.ttl)
    options.timeout = flags.eventSinkRedisTimeout ?? configured.timeout ?? options.timeout
    options.retries = flags.eventSinkRedisRetries ?? configured.retries ?? options.retries
    options.delivery = try delivery(flags.eventSinkRedisDelivery ?? configured.delivery) ?? options.delivery
    return options
  }

  private static func delivery(_ text: String?) throws(QuarryError) -> SinkDelivery? {
    guard let text else { return nil }
    guard let delivery = SinkDelivery(rawValue: text) else {
      throw QuarryError(.usage, "unknown delivery '\(text)' of an event sink", remedy: "use mandatory or best_effort")
    }
    return delivery
  }

  /// -1 is off, 0 the default.
  private static func maximumLength(_ number: Int?) throws(QuarryError) -> Int? {
    switch number ?? 0 {
    case -1: return nil
    case 0: return StreamOptions.defaultMaximumLength
    case let number where number > 0: return number
    default:
      throw QuarryError(.usage, "the stream's length must be a number from 1, or -1 for no limit")
    }
  }

  /// `-1` is off, `0` the default.
  private static func ttl(_ text: String?) throws(QuarryError) -> Duration? {
    switch text ?? "0" {
    case "-1": return nil
    case "0": return StreamOptions.defaultTTL
    case let text:
      guard let duration = Duration(text: text), duration > .zero else {
        throw QuarryError(.usage, "the stream's ttl '\(text)' is not a duration such as 24h, or -1 for none")
      }
      return duration
    }
  }
}
