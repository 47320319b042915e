import QuarryCore

/// Reads a configuration file. No file is ever searched for: there is one only where `--config` names it.
package enum ConfigurationLoader {
  /// - Parameter path: as it was typed; nil for an empty configuration.
  /// - Throws: `QuarryError(.usage)` naming the file and the line.
  static func load(_ path: String?, in context: CommandContext) throws(QuarryError) -> Configuration {
    guard let path else { return Configuration() }
    let file = try ConfigurationFile.read(path, in: context)
    var configuration = try parse(file)
    configuration.secretVariables = try SecretVariables.names(in: file)
    return configuration
  }

  static func parse(_ file: ConfigurationFile) throws(QuarryError) -> Configuration {
    try parse(file.expansion.text, ConfigurationText(name: file.name, expansion: file.expansion))
  }

  package static func parse(_ text: String, file: String) throws(QuarryError) -> Configuration {
    try parse(text, ConfigurationText(name: file))
  }

  private static func parse(_ text: String, _ file: ConfigurationText) throws(QuarryError) -> Configuration {
    guard let mapping = try ConfigurationFile.root(of: text, file: file.name) else { return Configuration() }
    let top = try ConfigurationSection(mapping, path: "", keys: Self.keys, file: file)
    var configuration = Configuration()
    configuration.source = try top.string("source")
    configuration.category = try top.string("category")
    configuration.executor = try top.string("executor")
    configuration.browserWSEndpoint = try top.string("browser_ws_endpoint")
    configuration.resolveFrom = try top.string("resolve_from")
    configuration.noBrowserReuse = try top.boolean("no_browser_reuse")
    configuration.storage = try storage(top.section("storage", keys: storageKeys))
    configuration.policy = try policy(top.section("policy", keys: policyKeys))
    configuration.adapter = try adapter(top.section("adapter", keys: adapterKeys))
    configuration.eventSinks = try eventSinks(top.section("events", keys: eventsKeys))
    configuration.proxies = try proxies(top.named("proxies", keys: ProxyPoolReader.poolKeys))
    configuration.proxy = try proxy(top.section("proxy", keys: proxyKeys))
    configuration.fleet = try fleet(top.section("fleet", keys: fleetKeys))
    return configuration
  }

  static let keys = [
    "source", "category", "executor", "browser_ws_endpoint", "no_browser_reuse", "resolve_from", "storage", "policy",
    "proxies", "proxy", "adapter", "events", "fleet",
  ]
  static let storageKeys = [
    "dataset", "backend", "path", "durability", "checksum", "compression", "region", "endpoint", "s3_path_style",
  ]
  static let policyKeys = [
    "name", "flush_mode", "flush_count", "flush_interval", "buffer_events", "buffer_bytes",
  ]
  static let proxyKeys = ["pool", "strategy"]
  static let adapterKeys = ["type", "url", "channel", "headers", "timeout", "retries", "outbox"]
  static let eventsKeys = ["sinks"]
  static let eventSinkKeys = ["type", "delivery"] + streamKeys
  private static let streamKeys = ["url", "stream_key", "max_len", "ttl", "timeout", "retries"]
  static let fleetKeys = [
    "redis", "redis_user", "redis_password", "name", "script_root", "concurrency", "drain_timeout", "depth", "max_runs",
    "allow_dead", "lane", "lease",
    "heartbeat", "attempts", "retry_base", "retry_cap", "crashes", "crash_base", "blocks", "block_base",
    "host_concurrency", "host_delay", "auto_throttle", "host_max_pages", "job_concurrency", "run_timeout", "isolation",
    "executor_max_runs", "executor_max_rss", "max_rss",
  ]

  private static func storage(_ section: ConfigurationSection?) throws(QuarryError) -> Configuration.Storage {
    guard let section else { return Configuration.Storage() }
    return Configuration.Storage(
      dataset: try section.string("dataset"), backend: try section.string("backend"),
      path: try section.string("path"), durability: try section.string("durability"),
      checksum: try section.string("checksum"), compression: try section.string("compression"),
      region: try section.string("region"), endpoint: try section.string("endpoint"),
      s3PathStyle: try section.boolean("s3_path_style"))
  }

  private static func policy(_ section: ConfigurationSection?) throws(QuarryError) -> Configuration.Policy {
    guard let section else { return Configuration.Policy() }
    return Configuration.Policy(
      name: try section.string("name"), flushCount: try section.integer("flush_count", minimum: 1),
      flushInterval: try section.duration("flush_interval"),
      bufferEvents: try section.integer("buffer_events", minimum: 1),
      bufferBytes: try section.byteCount("buffer_bytes"), flushMode: try section.string("flush_mode"))
  }

  private static func adapter(_ section: ConfigurationSection?) throws(QuarryError) -> Configuration.Adapter {
    guard let section else { return Configuration.Adapter() }
    return Configuration.Adapter(
      type: try section.string("type"), url: try section.secret("url"), channel: try section.string("channel"),
      headers: try section.secrets("headers"), timeout: try section.duration("timeout"),
      retries: try section.integer("retries", minimum: 0), outbox: try section.boolean("outbox"))
  }

  private static func eventSinks(
    _ section: ConfigurationSection?
  ) throws(QuarryError) -> [Configuration.EventSink] {
    var sinks: [Configuration.EventSink] = []
    for sink in try section?.list("sinks", keys: eventSinkKeys) ?? [] {
      var read = Configuration.EventSink(type: try sink.required("type"))
      if read.type == EventSinkSettings.Sink.lode.rawValue {
        try sink.refuse(streamKeys, "is for a sink of type redis, and this one is lode")
      }
      read.delivery = try sink.string("delivery")
      read.url = try sink.secret("url")
      read.streamKey = try sink.string("stream_key")
      read.maxLen = try sink.integer("max_len", minimum: -1)
      read.ttl = try sink.durationOrNumber("ttl")
      read.timeout = try sink.duration("timeout")
      read.retries = try sink.integer("retries", minimum: 0)
      sinks.append(read)
    }
    return sinks
  }

  private static func proxies(
    _ sections: [(name: String, section: ConfigurationSection)]?
  ) throws(QuarryError) -> [ProxyPool]? {
    guard let sections else { return nil }
    var pools: [ProxyPool] = []
    for (name, section) in sections { pools.append(try ProxyPoolReader.pool(named: name, section)) }
    return pools
  }

  private static func proxy(_ section: ConfigurationSection?) throws(QuarryError) -> Configuration.Proxy {
    guard let section else { return Configuration.Proxy() }
    return Configuration.Proxy(
      pool: try section.string("pool"), strategy: try section.word("strategy", among: ProxyStrategy.self))
  }

  private static func fleet(_ section: ConfigurationSection?) throws(QuarryError) -> Configuration.Fleet {
    guard let section else { return Configuration.Fleet() }
    var fleet = Configuration.Fleet()
    fleet.redis = try section.string("redis")
    fleet.redisUser = try section.string("redis_user")
    fleet.redisPassword = try section.secret("redis_password")
    fleet.name = try section.string("name")
    fleet.scriptRoot = try section.string("script_root")
    fleet.concurrency = try section.integer("concurrency", minimum: 1, maximum: Reading.runsAtOnceRange.upperBound)
    fleet.drainTimeout = try section.duration("drain_timeout")
    fleet.depth = try section.integer("depth", minimum: 0)
    fleet.maxRuns = try section.integer("max_runs", minimum: 1)
    fleet.allowDead = try section.integer("allow_dead", minimum: 0)
    fleet.lane = try section.string("lane")
    fleet.lease = try section.duration("lease")
    fleet.heartbeat = try section.duration("heartbeat")
    fleet.attempts = try section.integer("attempts", minimum: 1)
    fleet.crashes = try section.integer("crashes", minimum: 1)
    fleet.crashBase = try section.duration("crash_base")
    fleet.blocks = try section.integer("blocks", minimum: 1)
    fleet.blockBase = try section.duration("block_base")
    fleet.retryBase = try section.duration("retry_base")
    fleet.retryCap = try section.duration("retry_cap")
    fleet.hostConcurrency = try section.integer("host_concurrency", minimum: 1)
    fleet.hostDelay = try section.duration("host_delay")
    fleet.autoThrottle = try section.boolean("auto_throttle")
    fleet.hostMaxPages = try section.integer("host_max_pages", minimum: 1)
    fleet.jobConcurrency = try section.integer("job_concurrency", minimum: 1)
    fleet.runTimeout = try section.duration("run_timeout")
    fleet.isolation = try section.string("isolation")
    fleet.executorMaxRuns = try section.integer("executor_max_runs", minimum: 1)
    fleet.executorMaxRSS = try section.byteCount("executor_max_rss")
    fleet.maxRSS = try section.byteCount("max_rss")
    return fleet
  }
}
