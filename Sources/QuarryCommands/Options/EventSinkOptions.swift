import QuarryCore
import QuarryPublish
import RedisClient

/// Where events go while a run goes on.
struct EventSinkOptions: ParsableArguments {
  @Option(
    "event-sink",
    help: ArgumentHelp(
      "Where events go, repeatable: lode, redis. Default: lode alone. Artifacts and metrics always go to lode.",
      valueName: "sink"))
  var eventSink: [String] = []

  @Option(
    "event-sink-lode-delivery",
    help: ArgumentHelp("mandatory or best_effort. Default: mandatory.", valueName: "delivery"))
  var eventSinkLodeDelivery: String?

  @Option("event-sink-redis-url", help: ArgumentHelp("redis: its address, redis://… or unix://….", valueName: "url"))
  var eventSinkRedisUrl: String?

  @Option(
    "event-sink-redis-stream-key", "event-sink-stream-key",
    help: ArgumentHelp("redis: the stream. Default: quarry:events.", valueName: "key"))
  var eventSinkRedisStreamKey: String?

  @Option(
    "event-sink-redis-max-len", "event-sink-max-len", parsing: .unconditional,
    help: ArgumentHelp("redis: keep about so many entries; -1 keeps all. Default: 100000.", valueName: "n"))
  var eventSinkRedisMaxLen: Int?

  @Option(
    "event-sink-redis-ttl", "event-sink-ttl", parsing: .unconditional,
    help: ArgumentHelp(
      "redis: the stream ends so long after its last entry; -1 never. Default: 24h.", valueName: "time"))
  var eventSinkRedisTtl: String?

  @Option(
    "event-sink-redis-timeout", "event-sink-timeout",
    help: ArgumentHelp("redis: how long each try may take. Default: 2s.", valueName: "time"),
    transform: Reading.duration)
  var eventSinkRedisTimeout: Duration?

  @Option(
    "event-sink-redis-retries", "event-sink-retries",
    help: ArgumentHelp("redis: further tries after one that failed. Default: 2.", valueName: "n"),
    transform: Reading.natural)
  var eventSinkRedisRetries: Int?

  @Option(
    "event-sink-redis-delivery", "event-sink-delivery",
    help: ArgumentHelp(
      "redis: mandatory (its failure fails the run) or best_effort. Default: best_effort.", valueName: "delivery"))
  var eventSinkRedisDelivery: String?

  /// Whether anything of the stream was said.
  var describesStream: Bool {
    eventSinkRedisUrl != nil || eventSinkRedisStreamKey != nil || eventSinkRedisMaxLen != nil
      || eventSinkRedisTtl != nil || eventSinkRedisTimeout != nil || eventSinkRedisRetries != nil
      || eventSinkRedisDelivery != nil
  }
}
