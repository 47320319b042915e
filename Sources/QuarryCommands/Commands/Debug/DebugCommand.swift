import QuarryCore
import QuarryRuntime

struct DebugCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "debug", abstract: "Shows what the runtime would do, and whether a fleet's state agrees with itself.",
    subcommands: [DebugResolveCommand.self, DebugIPCCommand.self, CensusCommand.self])
}

struct DebugResolveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve", abstract: "Shows what a name stands for.", subcommands: [ResolveProxyCommand.self])
}

struct ResolveProxyCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxy", abstract: "Shows which proxy of a pool a run would get; changes nothing without --commit.")

  @Argument(help: ArgumentHelp("The pool's name.", valueName: "pool"))
  var pool: String
  @Flag("commit", help: "Mark the choice, as a run does.")
  var commit = false
  @Option(
    "proxy-strategy",
    help: ArgumentHelp("round_robin, random or sticky. Default: the pool's own strategy.", valueName: "strategy"))
  var proxyStrategy: String?
  @Option("job-id", help: ArgumentHelp("What a pool that is sticky by job holds on to.", valueName: "id"))
  var jobId: String?
  @OptionGroup var keys: ProxyKeyOptions
  @OptionGroup var place: PoolOptions
  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let configuration = try place.configuration(in: context)
    let selection = try selection(configuration, in: context)
    let commit = commit
    let chosen = try await place.ask(configuration, in: context) { store throws(QuarryError) in
      try await store.choose(selection.choice, marks: commit)
    }
    try output.render(.resolved(selection.proxy(at: chosen), isCommitted: commit), in: context)
    return 0
  }

  private func selection(
    _ configuration: Configuration, in context: CommandContext
  ) throws(QuarryError) -> ProxySelection {
    var flags = ProxyPoolOptions()
    flags.proxyPool = pool
    flags.proxyStrategy = proxyStrategy
    flags.file = place.file
    let settings = try ProxySettings(
      flags, keys: keys, configuration: configuration, context: context, console: context.console)
    guard let selection = try settings.selector.selection(job: "{}", jobKey: jobId) else {
      throw QuarryError(.usage, "no pool", remedy: "name it: quarry debug resolve proxy POOL")
    }
    guard selection.choice.strategy != .sticky || selection.choice.stickyKey != nil else {
      throw QuarryError(
        .usage, "pool '\(pool)' is sticky, and there is nothing to hold on to",
        remedy:
          "say what the run is about: --proxy-sticky-key KEY, --proxy-domain HOST, --proxy-origin URL or --job-id ID")
    }
    return selection
  }
}
