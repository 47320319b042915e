import QuarryCore
import QuarryRuntime

/// The browser of a run without fan-out. It is the run's for as long as this value lives.
enum RunBrowser: Sendable {
  case named(String)
  /// The one that this user's runs share.
  case shared(SharedBrowserUse)
  /// The executor launches one for this run.
  case own

  var endpoint: String? {
    switch self {
    case .named(let endpoint): endpoint
    case .shared(let use): use.endpoint
    case .own: nil
    }
  }

  /// Finds or starts it, on a thread of its own.
  /// - Parameter proxy: what tells the run's proxy from others, without its password; nil for none.
  /// - Throws: `QuarryError` when the endpoint that was named does not answer. That nothing can be shared is but a
  ///   warning: the run may not need a browser at all, and the executor can start one.
  static func find(
    _ settings: ExecutorSettings, executor: ExecutorProgram, script: String, proxy: String?, _ console: Console
  ) async throws(QuarryError) -> RunBrowser {
    let result = await OwnThread.run { () -> Result<RunBrowser, QuarryError> in
      do throws(QuarryError) {
        return .success(try find(settings, executor, script, proxy, console))
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  private static func find(
    _ settings: ExecutorSettings, _ executor: ExecutorProgram, _ script: String, _ proxy: String?, _ console: Console
  ) throws(QuarryError) -> RunBrowser {
    if let endpoint = settings.browserEndpoint {
      try BrowserEndpoint.check(endpoint)
      return .named(endpoint)
    }
    guard settings.reusesBrowser, !wantsNone(script), !BrowserSource.hasPuppeteer(script, settings.resolveFrom),
      let broker = BrowserSource.broker(of: executor)
    else {
      return .own
    }
    do throws(QuarryError) {
      return try SharedBrowser(program: broker, proxy: proxy).use().map { .shared($0) } ?? .own
    } catch {
      console.warn("\(error.message); this run starts a browser of its own")
      return .own
    }
  }

  /// Whether the script's text holds `browser: false`, as `export const config = { browser: false }` has it. Only the
  /// executor knows for sure, and it alone decides whether the run gets a browser. A comment or another object with
  /// these words costs a run a browser of its own; a `false` that is written otherwise costs the look at the shared
  /// one; a right guess saves its start.
  private static func wantsNone(_ script: String) -> Bool {
    guard let text = SmallFile.read(script, limit: 1 << 20) else { return false }
    let bare = text.filter { !" \t\r\n'\"".utf8.contains($0) }
    return bare.contains("browser:false".utf8)
  }
}
