import QuarryCore
import QuarryRuntime
import Synchronization

/// Proxies of the runs of one `quarry run`: they share what was chosen as long as the process lives.
final class LocalProxies: Sendable {
  private let selector: ProxySelector
  /// What a pool that is sticky by job holds on to.
  private let jobKey: String
  private let console: Console
  /// Whether a further run of this process can heed what one of them wished for.
  private let servesMany: Bool
  private let store = MemoryRecencyStore()
  private let hasNoted = SharedFlag()

  /// - Parameter servesMany: for a fan-out.
  init(_ settings: ProxySettings, identity: RunIdentity, servesMany: Bool, console: Console) {
    self.servesMany = servesMany
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
    console.say(servesMany ? RotationText.ofFanOut(report, rest) : RotationText.ofSingleRun(report, rest))
  }
}

/// How a rotation is told.
enum RotationText {
  /// Where it holds for all runs of a fleet.
  static func of(_ report: RunReport, _ rest: ProxyRest) -> String {
    "\(cause(report)): \(rest.endpoint) rests\(host(rest)) for \(rest.time.shortText)"
  }

  static func ofFanOut(_ report: RunReport, _ rest: ProxyRest) -> String {
    of(report, rest) + ", for the other runs of this command"
  }

  /// Nothing is left that could heed it.
  static func ofSingleRun(_ report: RunReport, _ rest: ProxyRest) -> String {
    "\(cause(report)): a fan-out (--depth) or a fleet would let \(rest.endpoint) rest\(host(rest)) for"
      + " \(rest.time.shortText); this command remembers nothing, and the next one may choose it again"
  }

  private static func cause(_ report: RunReport) -> String {
    let reason = report.rotation?.reason.map { " (\($0))" } ?? ""
    return "run \(report.identity.runID) "
      + (report.rotation == nil ? "failed by its proxy" : "asks for another proxy\(reason)")
  }

  private static func host(_ rest: ProxyRest) -> String { rest.host.map { " for \($0)" } ?? "" }
}
