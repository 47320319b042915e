/// What a configuration file says: every key optional, nothing resolved. Flags win over it, documented defaults
/// stand behind it; `RunSettings`, `FleetSettings` and their kin are what comes out.
struct Configuration: Sendable, Equatable {
  var source: String?
  var category: String?
  var executor: String?
  var browserWSEndpoint: String?
  var resolveFrom: String?
  var storage = Storage()
  var policy = Policy()
  var fleet = Fleet()

  struct Storage: Sendable, Equatable {
    var dataset: String?
    var backend: String?
    var path: String?
    var durability: String?
  }

  struct Policy: Sendable, Equatable {
    var name: String?
    /// Events; at least 1.
    var flushCount: Int?
    var flushInterval: Duration?
  }

  struct Fleet: Sendable, Equatable {
    var redis: String?
    var name: String?
    var scriptRoot: String?
    var concurrency: Int?
    var drainTimeout: Duration?
    var depth: Int?
    var maxRuns: Int?
    var allowDead: Int?
    var lane: String?
    var lease: Duration?
    var heartbeat: Duration?
    var attempts: Int?
    var crashes: Int?
    var crashBase: Duration?
    var blocks: Int?
    var blockBase: Duration?
    var retryBase: Duration?
    var retryCap: Duration?
    var runTimeout: Duration?
  }
}
