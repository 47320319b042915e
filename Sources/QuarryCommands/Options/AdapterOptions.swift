import QuarryCore
import QuarryPublish
import RedisClient

/// Whom to tell that a run is over.
struct AdapterOptions: ParsableArguments {
  @Option(
    "adapter", help: ArgumentHelp("Tell another program when a run is over: webhook or redis.", valueName: "type"))
  var adapter: String?

  @Option(
    "adapter-url",
    help: ArgumentHelp("Where to: https://… for a webhook, redis://… or unix://… for redis.", valueName: "url"))
  var adapterUrl: String?

  @Option(
    "adapter-header",
    help: ArgumentHelp(
      "webhook: a header, repeatable. Others on this machine can see flags: put secrets into the configuration, as ${NAME}.",
      valueName: "name=value"))
  var adapterHeader: [String] = []

  @Option(
    "adapter-channel", help: ArgumentHelp("redis: the channel. Default: quarry:run_completed.", valueName: "name"))
  var adapterChannel: String?

  @Option(
    "adapter-timeout", help: ArgumentHelp("How long each try may take. Default: 10s.", valueName: "time"),
    transform: Reading.duration)
  var adapterTimeout: Duration?

  @Option(
    "adapter-retries", help: ArgumentHelp("Further tries after one that failed. Default: 3.", valueName: "n"),
    transform: Reading.natural)
  var adapterRetries: Int?

  /// Whether anything of an adapter was said.
  var isUsed: Bool {
    adapter != nil || adapterUrl != nil || !adapterHeader.isEmpty || adapterChannel != nil || adapterTimeout != nil
      || adapterRetries != nil
  }
}

/// Keeping what could not be delivered; for commands that send.
struct OutboxOptions: ParsableArguments {
  @Flag("adapter-outbox", help: "Keep undelivered notifications in the dataset, for `quarry adapter drain`.")
  var adapterOutbox = false
}

/// The resolved adapter.
package struct AdapterSettings: Sendable {
  package enum Target: Sendable {
    case webhook(url: String, headers: [(name: String, value: String)])
    case channel(RedisEndpoint, name: String)
  }

  package let target: Target
  package let timeout: Duration
  package let retries: Int
  package let keepsPending: Bool

  /// - Returns: nil when there is none.
  /// - Throws: `QuarryError(.usage)`, without showing URL or headers.
  static func resolve(
    _ flags: AdapterOptions, outbox: OutboxOptions? = nil, configuration: Configuration.Adapter
  ) throws(QuarryError) -> AdapterSettings? {
    guard let type = flags.adapter ?? configuration.type else {
      guard !flags.isUsed, outbox?.adapterOutbox != true, configuration == Configuration.Adapter() else {
        throw QuarryError(
          .usage, "an adapter is described and its type is missing", remedy: "add --adapter webhook or --adapter redis")
      }
      return nil
    }
    // A flag that names another type leaves what the configuration says of its own type behind.
    let isConfigured = flags.adapter == nil || flags.adapter == configuration.type
    let configured = isConfigured ? configuration : Configuration.Adapter()
    return AdapterSettings(
      target: try target(type, flags, configured),
      timeout: flags.adapterTimeout ?? configuration.timeout ?? .seconds(10),
      retries: flags.adapterRetries ?? configuration.retries ?? 3,
      keepsPending: outbox?.adapterOutbox == true || configuration.outbox ?? false)
  }

  private static func target(
    _ type: String, _ flags: AdapterOptions, _ configured: Configuration.Adapter
  ) throws(QuarryError) -> Target {
    let url = flags.adapterUrl ?? configured.url
    let channel = flags.adapterChannel ?? configured.channel
    switch type {
    case "webhook":
      guard channel == nil else { throw QuarryError(.usage, "a webhook has no channel", remedy: "leave it out") }
      return .webhook(
        url: try require(url, of: type, example: "https://example.com/hook"), headers: try headers(flags, configured))
    case "redis":
      guard flags.adapterHeader.isEmpty, configured.headers == nil else {
        throw QuarryError(.usage, "the redis adapter has no headers", remedy: "leave them out")
      }
      let address = try require(url, of: type, example: "redis://127.0.0.1")
      do throws(RedisError) {
        return .channel(try RedisEndpoint(url: address), name: channel ?? ChannelPublisher.defaultChannel)
      } catch {
        throw QuarryError(.usage, error.message, remedy: error.remedy)
      }
    default:
      let nearest = Nearest.to(type, among: ["webhook", "redis"]).map { "did you mean '\($0)'?" }
      throw QuarryError(.usage, "unknown adapter '\(type)'", remedy: nearest ?? "use webhook or redis")
    }
  }

  private static func require(_ url: String?, of type: String, example: String) throws(QuarryError) -> String {
    guard let url, !url.isEmpty else {
      throw QuarryError(
        .usage, "the \(type) adapter has no URL", remedy: "name it with --adapter-url, for example \(example)")
    }
    return url
  }

  /// Those of the flags over those of the configuration, by name.
  private static func headers(
    _ flags: AdapterOptions, _ configured: Configuration.Adapter
  ) throws(QuarryError) -> [(name: String, value: String)] {
    var headers: [(name: String, value: String)] = []
    for text in flags.adapterHeader {
      guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
        throw QuarryError(
          .usage, "an --adapter-header is not of the form name=value",
          remedy: "for example: --adapter-header X-Team=data")
      }
      headers.append((String(text[..<equals]), String(text[text.index(after: equals)...])))
    }
    for (name, value) in (configured.headers ?? [:]).sorted(by: { $0.key < $1.key })
    where !headers.contains(where: { $0.name.lowercased() == name.lowercased() }) {
      headers.append((name, value))
    }
    return headers
  }
}

extension AdapterSettings {
  /// - Throws: `QuarryError(.usage)` for a URL or a header that cannot be sent.
  func adapter() throws(QuarryError) -> any NotificationAdapter {
    switch target {
    case .webhook(let url, let headers): try WebhookAdapter(url: url, headers: headers, timeout: timeout)
    case .channel(let endpoint, let name): ChannelAdapter(endpoint: endpoint, channel: name, timeout: timeout)
    }
  }
}
