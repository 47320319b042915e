import QuarryCore

/// How far a crawl goes.
struct LimitOptions: ParsableArguments {
  @Option(
    "depth",
    help: ArgumentHelp("Follow what scripts enqueue to this distance from the root. Default: 0.", valueName: "n"),
    transform: Reading.natural)
  var depth: Int?

  @Option(
    "max-runs",
    help: ArgumentHelp("The most tasks, the root included; needed with --depth. Retries never count.", valueName: "n"),
    transform: Reading.positive)
  var maxRuns: Int?

  @Option(
    "allow-dead", help: ArgumentHelp("So many dead tasks are still a success. Default: 0.", valueName: "n"),
    transform: Reading.natural)
  var allowDead: Int?

  @Option(
    "lane",
    help: ArgumentHelp(
      "high, default or low: which ready tasks go first; of the first task, as others have the lane of their enqueue. Default: default.",
      valueName: "lane")
  )
  var lane: String?

  @Option(
    "run-timeout", help: ArgumentHelp("End a run after so long. Default: never.", valueName: "time"),
    transform: Reading.duration)
  var runTimeout: Duration?
}

/// When a worker's task is taken from it, and how often what failed is tried again.
struct PatienceOptions: ParsableArguments {
  @Option(
    "lease",
    help: ArgumentHelp(
      "How long a worker may be silent before its tasks go to others. Default: 30s.", valueName: "time"),
    transform: Reading.duration)
  var lease: Duration?

  @Option(
    "heartbeat", help: ArgumentHelp("How often a worker renews its leases. Default: 10s.", valueName: "time"),
    transform: Reading.duration)
  var heartbeat: Duration?

  @Option(
    "attempts", help: ArgumentHelp("Attempts at a task whose script fails. Default: 4.", valueName: "n"),
    transform: Reading.positive)
  var attempts: Int?

  @Option(
    "retry-base",
    help: ArgumentHelp("The first pause after a failure, doubled with each. Default: 5s.", valueName: "time"),
    transform: Reading.duration)
  var retryBase: Duration?

  @Option(
    "retry-cap", help: ArgumentHelp("The longest such pause. Default: 10m.", valueName: "time"),
    transform: Reading.duration)
  var retryCap: Duration?

  @Option(
    "crashes", help: ArgumentHelp("Crashes of a task's executor or worker. Default: 3.", valueName: "n"),
    transform: Reading.positive)
  var crashes: Int?

  @Option(
    "crash-base",
    help: ArgumentHelp("The first pause after a crash, four times as long with each. Default: 15s.", valueName: "time"),
    transform: Reading.duration)
  var crashBase: Duration?

  @Option(
    "blocks",
    help: ArgumentHelp("Refusals of a site (429, 403, 503) that a task survives. Default: 10.", valueName: "n"),
    transform: Reading.positive)
  var blocks: Int?

  @Option(
    "block-base",
    help: ArgumentHelp("The first pause after a refusal, doubled with each. Default: 2s.", valueName: "time"),
    transform: Reading.duration)
  var blockBase: Duration?
}
