import QuarryCore
import QuarryFleet

/// How gently a crawl treats the hosts that it visits, and how much of the fleet it takes.
struct PolitenessOptions: ParsableArguments {
  @Option(
    "host-concurrency",
    help: ArgumentHelp(
      "The most tasks that run on one host at once, in the whole fleet. Default: any number.", valueName: "n"),
    transform: Reading.positive)
  var hostConcurrency: Int?

  @Option(
    "host-delay",
    help: ArgumentHelp(
      "The least time between the starts of two tasks on one host, in the whole fleet. Default: none.",
      valueName: "time"), transform: Reading.duration)
  var hostDelay: Duration?

  @Flag("auto-throttle", help: "Space the starts of tasks on a host by how long it takes to answer, a minute at most.")
  var autoThrottle = false

  @Option(
    "host-max-pages",
    help: ArgumentHelp("The most tasks of the crawl for one host. Retries never count.", valueName: "n"),
    transform: Reading.positive)
  var hostMaxPages: Int?

  @Option(
    "job-concurrency",
    help: ArgumentHelp("The most tasks of the crawl that run at once. Default: any number.", valueName: "n"),
    transform: Reading.positive)
  var jobConcurrency: Int?

  /// Flags over configuration.
  /// - Throws: `QuarryError(.usage)` for a delay of more than a day.
  func politeness(configuration: Configuration.Fleet) throws(QuarryError) -> Politeness {
    var politeness = Politeness()
    politeness.hostConcurrency = hostConcurrency ?? configuration.hostConcurrency
    politeness.hostDelay = hostDelay ?? configuration.hostDelay
    politeness.autoThrottle = autoThrottle || configuration.autoThrottle == true
    politeness.hostMaxPages = hostMaxPages ?? configuration.hostMaxPages
    politeness.jobConcurrency = jobConcurrency ?? configuration.jobConcurrency
    if let delay = politeness.hostDelay, delay > Politeness.longestDelay {
      throw QuarryError(
        .usage, "a host delay of \(delay.shortText) is longer than a day", remedy: "give --host-delay a day at most")
    }
    return politeness
  }
}
