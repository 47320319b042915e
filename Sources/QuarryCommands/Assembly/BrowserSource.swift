import QuarryCore
import QuarryRuntime

/// Where the runs of one process get their browser: one that was named, or one of the process' own that they share.
enum BrowserSource: Sendable {
  case named(String)
  case own(BrowserBroker)
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
      self = .own(BrowserBroker(program: broker, onNote: onNote))
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
