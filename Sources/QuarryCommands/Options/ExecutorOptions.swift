import Glibc
import QuarryCore
import QuarryRuntime

/// Which executor runs scripts, and what it is told about modules and the browser.
struct ExecutorOptions: ParsableArguments {
  @Option(
    "executor",
    help: ArgumentHelp("The executor to start. Default: the one that belongs to this program.", valueName: "path"))
  var executor: String?

  @Option(
    "resolve-from",
    help: ArgumentHelp(
      "Where bare imports of scripts are looked up, beside the script's own folders.", valueName: "dir"))
  var resolveFrom: String?

  @Option(
    "browser-ws-endpoint",
    help: ArgumentHelp(
      "A browser that already runs, by its WebSocket address; it must answer before anything starts, behind wss:// accept a connection. Also: QUARRY_BROWSER_ENDPOINT.",
      valueName: "url"))
  var browserWsEndpoint: String?

  @Flag(
    "no-browser-reuse",
    help: ArgumentHelp("Give each run a browser of its own, in place of one that runs share. Also: no_browser_reuse."))
  var noBrowserReuse = false
}

/// The resolved executor.
package struct ExecutorSettings: Sendable, Equatable {
  /// Absolute.
  package let path: String
  /// Absolute.
  package let resolveFrom: String?
  package let browserEndpoint: String?
  /// False: each run starts a browser of its own.
  package let reusesBrowser: Bool
  /// Variables of the environment that the executor does not get.
  package let secretVariables: Set<String>

  static let endpointVariable = "QUARRY_BROWSER_ENDPOINT"

  /// - Throws: `QuarryError(.executor)` when there is no executor to start, `.usage` for the rest.
  init(
    _ flags: ExecutorOptions, configuration: Configuration, storage: StorageSettings? = nil, context: CommandContext
  ) throws(QuarryError) {
    secretVariables = configuration.secretVariables.union(storage?.secretVariables ?? [])
      .union([RedisLogin.passwordVariable])
    path = try Self.executor(flags.executor ?? configuration.executor, context)
    resolveFrom = try Self.directory(flags.resolveFrom ?? configuration.resolveFrom, context)
    let endpoint =
      flags.browserWsEndpoint ?? context.environment[Self.endpointVariable] ?? configuration.browserWSEndpoint
    browserEndpoint = endpoint.flatMap { $0.isEmpty ? nil : $0 }
    if let browserEndpoint { try BrowserEndpoint.requireAddress(browserEndpoint) }
    reusesBrowser = !(flags.noBrowserReuse || configuration.noBrowserReuse == true)
  }

  private static func executor(_ given: String?, _ context: CommandContext) throws(QuarryError) -> String {
    guard let path = given.map(context.absolute) ?? InstalledPaths.executor else {
      throw QuarryError(
        .executor, "no executor: nothing above \(InstalledPaths.executable) holds \(InstalledPaths.executorBelowRoot)",
        remedy: "run the program from its checkout, or name an executor with --executor PATH")
    }
    guard access(path, X_OK) == 0 else {
      throw QuarryError(
        .executor, "executor \(path): \(String(cString: strerror(errno)))",
        remedy: "name an executable file with --executor PATH, or leave the flag out")
    }
    return path
  }

  private static func directory(_ given: String?, _ context: CommandContext) throws(QuarryError) -> String? {
    guard let given else { return nil }
    let path = context.absolute(given)
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw QuarryError(
        .usage, "--resolve-from \(path) is not a directory", remedy: "name the folder above node_modules")
    }
    return path
  }
}
