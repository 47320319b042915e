/// What a run learned of one host, for whoever decides when it is visited next.
package struct HostNote: Sendable, Equatable {
  /// Empty for the host that the run's task is charged to.
  package var host: String
  /// The run ended because the host refused (429, 403, 503, or the script says so).
  package var hasRefused: Bool
  /// The host's last answer was no refusal.
  package var hasAnswered: Bool
  /// How long it asks to be left alone.
  package var wait: Duration?
  /// How far apart its robots.txt wants visits; zero takes back what was said before.
  package var crawlDelay: Duration?
  /// How long it takes to answer.
  package var latency: Duration?

  package init(
    host: String, hasRefused: Bool = false, hasAnswered: Bool = false, wait: Duration? = nil,
    crawlDelay: Duration? = nil, latency: Duration? = nil
  ) {
    self.host = host
    self.hasRefused = hasRefused
    self.hasAnswered = hasAnswered
    self.wait = wait
    self.crawlDelay = crawlDelay
    self.latency = latency
  }
}
