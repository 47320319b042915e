import QuarryCore
import QuarryMetrics

/// Where a process that stays tells how it does.
struct MetricsOptions: ParsableArguments {
  @Option(
    "metrics-addr",
    help: ArgumentHelp(
      "Serve /metrics for Prometheus, and /healthz: HOST:PORT, :PORT for this machine alone, or unix:PATH. Default: none.",
      valueName: "address"))
  var metricsAddr: String?

  /// Takes the address, so that it is known to be free before anything starts.
  /// - Throws: `QuarryError(.usage)`.
  func listener() throws(QuarryError) -> MetricsListener? {
    guard let metricsAddr else { return nil }
    return try MetricsListener(try MetricsAddress(metricsAddr))
  }
}
