import QuarryCore
import QuarryRuntime

/// Where the runs of one process get their browser: one that was named, or one of the process' own that they share.
enum BrowserSource: Sendable {
  case named(String)
  /// - Parameter resolveFrom: where packages of scripts are looked up besides.
  case own(BrowserBroker, resolveFrom: String?)
  /// Each run launches its own: reuse is off, or the executor is not this program's.
  case none

  static let brokerBelowExecutor = "quarry-browser"

  /// - Parameter executor: the broker lies beside it.
  init(_ settings: ExecutorSettings, executor: ExecutorProgram, onNote: @escaping @Sendable (String) -> Void = { _ in })
    throws(QuarryError)
  {
    if let endpoint = settings.browserEndpoint {
      try BrowserEndpoint.check(endpoint)
      self = .named(endpoint)
    } else if settings.reusesBrowser, let broker = Self.broker(of: executor) {
      self = .own(BrowserBroker(program: broker, onNote: onNote), resolveFrom: settings.resolveFrom)
    } else {
      self = .none
    }
  }

  /// The broker that belongs to an executor; nil when there is none beside it.
  static func broker(of executor: ExecutorProgram) -> ExecutorProgram? {
    let real = InstalledPaths.realPath(executor.path) ?? executor.path
    let path = InstalledPaths.folder(of: real) + "/" + brokerBelowExecutor
    let program = ExecutorProgram(path: path, environment: executor.environment, shepherd: executor.shepherd)
    do throws(QuarryError) { try program.check() } catch { return nil }
    return program
  }

  /// For a run of the script; nil when it starts its own. Blocks the calling thread while a browser of our own starts.
  func endpoint(for script: String) throws(QuarryError) -> String? {
    switch self {
    case .named(let endpoint): endpoint
    case .own(let broker, let resolveFrom):
      Self.hasPuppeteer(script, resolveFrom) ? nil : try broker.endpoint()
    case .none: nil
    }
  }

  /// Whether a Puppeteer of the user's own seems to be there for the script, which has no use for a shared browser. The
  /// executor alone knows for sure; a wrong guess costs a run a browser of its own, or a look at the shared one.
  static func hasPuppeteer(_ script: String, _ resolveFrom: String?) -> Bool {
    let folders = [InstalledPaths.folder(of: script), resolveFrom].compactMap(\.self)
    return folders.contains { folder in
      ["puppeteer", "puppeteer-core"].contains { name in
        InstalledPaths.below(folder, "node_modules/\(name)/package.json") != nil
      }
    }
  }

  func stop() {
    if case .own(let broker, _) = self { broker.stop() }
  }
}
