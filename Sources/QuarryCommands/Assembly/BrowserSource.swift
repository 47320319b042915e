import QuarryCore
import QuarryRuntime

/// Where the runs of one process get their browser: one that was named, or one of the process' own that they share.
enum BrowserSource: Sendable {
  case named(String)
  case own(BrowserBroker)
  /// Each run launches its own, as an executor that is not this program's may.
  case none

  static let brokerBelowExecutor = "quarry-browser"

  /// - Parameter executor: the broker lies beside it.
  init(_ settings: ExecutorSettings, executor: ExecutorProgram) throws(QuarryError) {
    if let endpoint = settings.browserEndpoint {
      try BrowserEndpoint.check(endpoint)
      self = .named(endpoint)
      return
    }
    let real = InstalledPaths.realPath(executor.path) ?? executor.path
    let broker = InstalledPaths.folder(of: real) + "/" + Self.brokerBelowExecutor
    let program = ExecutorProgram(path: broker, environment: executor.environment, shepherd: executor.shepherd)
    do throws(QuarryError) {
      try program.check()
      self = .own(BrowserBroker(program: program))
    } catch {
      self = .none
    }
  }

  /// Blocks the calling thread while a browser of our own starts.
  func endpoint() throws(QuarryError) -> String? {
    switch self {
    case .named(let endpoint): endpoint
    case .own(let broker): try broker.endpoint()
    case .none: nil
    }
  }

  func stop() {
    if case .own(let broker) = self { broker.stop() }
  }
}
