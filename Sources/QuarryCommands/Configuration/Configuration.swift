import QuarryCore

/// What a configuration file says: every key optional, nothing resolved. Flags win over it, documented defaults
/// stand behind it; `RunSettings`, `FleetSettings` and their kin are what comes out.
package struct Configuration: Sendable, Equatable {
  package var source: String?
  package var category: String?
  package var executor: String?
  package var browserWSEndpoint: String?
  package var resolveFrom: String?
  package var noBrowserReuse: Bool?
  package var storage = Storage()
  package var policy = Policy()
  package var adapter = Adapter()
  /// In the order of the file.
  package var eventSinks: [EventSink] = []
  /// nil when the file has no such key.
  package var proxies: [ProxyPool]?
  package var proxy = Proxy()
  package var fleet = Fleet()
  /// Environment variables that the file names and that hold a secret: no child process gets them.
  package var secretVariables: Set<String> = []

  package init() {}

  package struct Storage: Sendable, Equatable {
    package var dataset: String?
    package var backend: String?
    package var path: String?
    package var durability: String?
    package var checksum: String?
    package var compression: String?
    package var region: String?
    package var endpoint: String?
    package var s3PathStyle: Bool?
  }

  package struct Policy: Sendable, Equatable {
    package var name: String?
    /// Events; at least 1.
    package var flushCount: Int?
    package var flushInterval: Duration?
    /// Events; at least 1.
    package var bufferEvents: Int?
    /// At least 1.
    package var bufferBytes: Int?
    package var flushMode: String?

    package init(
      name: String? = nil, flushCount: Int? = nil, flushInterval: Duration? = nil, bufferEvents: Int? = nil,
      bufferBytes: Int? = nil, flushMode: String? = nil
    ) {
      self.name = name
      self.flushCount = flushCount
      self.flushInterval = flushInterval
      self.bufferEvents = bufferEvents
      self.bufferBytes = bufferBytes
      self.flushMode = flushMode
    }
  }

  package struct Adapter: Sendable, Equatable {
    package var type: String?
    package var url: String?
    package var channel: String?
    package var headers: [String: String]?
    package var timeout: Duration?
    package var retries: Int?
    package var outbox: Bool?
  }

  package struct EventSink: Sendable, Equatable {
    package var type: String
    package var delivery: String?
    package var url: String?
    package var streamKey: String?
    package var maxLen: Int?
    /// A duration, `0` or `-1`.
    package var ttl: String?
    package var timeout: Duration?
    package var retries: Int?

    package init(type: String) { self.type = type }
  }

  package struct Proxy: Sendable, Equatable {
    package var pool: String?
    package var strategy: ProxyStrategy?
  }

  package struct Fleet: Sendable, Equatable {
    package var redis: String?
    package var redisUser: String?
    package var redisPassword: String?
    package var name: String?
    package var scriptRoot: String?
    package var concurrency: Int?
    package var drainTimeout: Duration?
    package var depth: Int?
    package var maxRuns: Int?
    package var allowDead: Int?
    package var lane: String?
    package var lease: Duration?
    package var heartbeat: Duration?
    package var attempts: Int?
    package var crashes: Int?
    package var crashBase: Duration?
    package var blocks: Int?
    package var blockBase: Duration?
    package var retryBase: Duration?
    package var retryCap: Duration?
    package var hostConcurrency: Int?
    package var hostDelay: Duration?
    package var autoThrottle: Bool?
    package var hostMaxPages: Int?
    package var jobConcurrency: Int?
    package var runTimeout: Duration?
    package var isolation: String?
    package var executorMaxRuns: Int?
    /// In bytes.
    package var executorMaxRSS: Int?
    /// In bytes.
    package var maxRSS: Int?
  }
}
