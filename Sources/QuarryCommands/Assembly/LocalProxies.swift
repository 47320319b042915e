import QuarryCore
import QuarryRuntime
import Synchronization

/// Proxies of the runs of one `quarry run`: they share what was chosen as long as the process lives.
final class LocalProxies: Sendable {
  private let selector: ProxySelector
  /// What a pool that is sticky by job holds on to.
  private let jobKey: String
  private let console: Console
  private let store = MemoryRecencyStore()
  private let hasNoted = SharedFlag()

  init(_ settings: ProxySettings, identity: RunIdentity, console: Console) {
    selector = settings.selector
    jobKey = identity.jobID ?? identity.runID
    self.console = console
  }

  /// - Parameter job: a JSON object, as text.
  /// - Returns: nil when the run goes without a proxy.
  func choose(job: String) throws(QuarryError) -> RunProxy? {
    guard let selection = try selector.selection(job: job, jobKey: jobKey) else { return nil }
    if let note = selection.note, !hasNoted.isRaised {
      hasNoted.raise()
      console.warn(note)
    }
    return selection.proxy(at: store.choose(selection.choice, marks: true))
  }

  /// A wish for another proxy, and a proxy's failure, hold from the next choice on.
  func heed(_ report: RunReport) {
    guard let rest = report.proxyRest else { return }
    store.rest(rest)
    console.say(RotationText.of(report, rest))
  }
}

/// How a rotation is told.
enum RotationText {
  static func of(_ report: RunReport, _ rest: ProxyRest) -> String {
    let reason = report.rotation?.reason.map { " (\($0))" } ?? ""
    let cause = report.rotation == nil ? "failed by its proxy" : "asks for another proxy\(reason)"
    let host = rest.host.map { " for \($0)" } ?? ""
    return "run \(report.identity.runID) \(cause): \(rest.endpoint) rests\(host) for \(rest.time.shortText)"
  }
}
