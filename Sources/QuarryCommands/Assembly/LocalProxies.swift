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

  /// The observer of a run, whose wish for another proxy holds from the next choice on.
  func heeding(_ observer: RunObserver, runID: String) -> RunObserver {
    var observer = observer
    observer.onRotation = { [self] wish, proxy in
      rest(proxy, RotationText(runID: runID, wish: wish, rest: proxy.rest))
    }
    return observer
  }

  /// A proxy's failure, too, holds from the next choice on.
  func heed(_ report: RunReport) {
    guard let proxy = report.failedProxy else { return }
    rest(proxy, RotationText(runID: report.identity.runID, wish: nil, rest: proxy.rest))
  }

  private func rest(_ proxy: RunProxy, _ text: RotationText) {
    store.rest(proxy.rest)
    console.say(servesMany ? text.ofFanOut : text.ofSingleRun)
  }
}

/// How a rotation is told.
struct RotationText {
  let runID: String
  /// nil: the run failed by its proxy.
  let wish: RotationWish?
  let rest: ProxyRest

  /// Where it holds for all runs of a fleet.
  var ofFleet: String { "\(cause): \(rest.endpoint) rests\(host) for \(rest.time.shortText)" }

  var ofFanOut: String { ofFleet + ", for the other runs of this command" }

  /// Nothing is left that could heed it.
  var ofSingleRun: String {
    "\(cause): a fan-out (--depth) or a fleet would let \(rest.endpoint) rest\(host) for"
      + " \(rest.time.shortText); this command remembers nothing, and the next one may choose it again"
  }

  private var cause: String {
    let reason = wish?.reason.map { " (\($0))" } ?? ""
    return "run \(runID) " + (wish == nil ? "failed by its proxy" : "asks for another proxy\(reason)")
  }

  private var host: String { rest.host.map { " for \($0)" } ?? "" }
}
