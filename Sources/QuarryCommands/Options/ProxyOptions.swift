import QuarryCore
import QuarryRuntime

/// Which pool runs choose their proxies from.
struct ProxyPoolOptions: ParsableArguments {
  @Option("proxy-pool", help: ArgumentHelp("Give each run a proxy of this pool. Default: none.", valueName: "name"))
  var proxyPool: String?

  @Option(
    "proxy-strategy",
    help: ArgumentHelp("round_robin, random or sticky. Default: the pool's own strategy.", valueName: "strategy"))
  var proxyStrategy: String?

  @OptionGroup var file: ProxyFileOptions
}

/// Pools in a file of their own, as they were given before the configuration had them.
struct ProxyFileOptions: ParsableArguments {
  @Option(
    "proxy-config",
    help: ArgumentHelp("Pools as a JSON array. Deprecated: use 'proxies' in the configuration.", valueName: "file"))
  var proxyConfig: String?
}

/// What a sticky choice holds on to.
struct ProxyKeyOptions: ParsableArguments {
  @Option(
    "proxy-sticky-key",
    help: ArgumentHelp("sticky: the key. Default: made by the pool's scope: job, domain or origin.", valueName: "key"))
  var proxyStickyKey: String?

  @Option("proxy-domain", help: ArgumentHelp("The site's host. Default: that of `url` in the job.", valueName: "host"))
  var proxyDomain: String?

  @Option(
    "proxy-origin",
    help: ArgumentHelp("The site's scheme://host[:port]. Default: that of `url` in the job.", valueName: "url"))
  var proxyOrigin: String?
}

/// The checked pools, and what flags and configuration ask of them.
struct ProxySettings: Sendable, Equatable {
  let selector: ProxySelector

  /// Warns of what works otherwise than its author may think.
  /// - Parameter jobsMayNamePools: whether a job that is not known yet may ask for a pool by itself.
  /// - Throws: `QuarryError(.usage)` for a pool, strategy or site that cannot be.
  init(
    _ flags: ProxyPoolOptions, keys: ProxyKeyOptions? = nil, configuration: Configuration, context: CommandContext,
    console: Console, jobsMayNamePools: Bool = true
  ) throws(QuarryError) {
    let pools = try Self.pools(flags.file, configuration, context, console)
    var request = ProxyRequest(pool: flags.proxyPool ?? configuration.proxy.pool)
    // A flag that names another pool leaves the configuration's strategy behind.
    let isConfigured = request.pool == configuration.proxy.pool
    request.strategy =
      try flags.proxyStrategy.map(Self.strategy) ?? (isConfigured ? configuration.proxy.strategy : nil)
    request.stickyKey = keys?.proxyStickyKey
    request.domain = try keys?.proxyDomain.map(Self.domain)
    request.origin = try keys?.proxyOrigin.map(Self.origin)
    try Self.checkPoolIsNamed(flags, request, pools, jobsMayNameIt: jobsMayNamePools)
    selector = try ProxySelector(pools: pools, request: request)
    for pool in pools {
      for warning in pool.warnings(for: pool.name == request.pool ? request.strategy : nil) { console.warn(warning) }
    }
  }

  /// Those of the configuration, or of the deprecated file.
  static func pools(
    _ flags: ProxyFileOptions, _ configuration: Configuration, _ context: CommandContext, _ console: Console
  ) throws(QuarryError) -> [ProxyPool] {
    guard let file = flags.proxyConfig else { return configuration.proxies ?? [] }
    guard configuration.proxies == nil else {
      throw QuarryError(
        .usage, "--proxy-config \(file) and 'proxies' in the configuration are both given",
        remedy: "leave --proxy-config out")
    }
    console.warn("--proxy-config is deprecated; put the pools under 'proxies' in the file of --config")
    return try ProxyPoolFile.read(file, in: context)
  }

  /// A strategy belongs to the pool that it was given with; a key and a site hold for the pools of jobs too.
  private static func checkPoolIsNamed(
    _ flags: ProxyPoolOptions, _ request: ProxyRequest, _ pools: [ProxyPool], jobsMayNameIt: Bool
  ) throws(QuarryError) {
    guard request.pool == nil else { return }
    let areIdle = pools.isEmpty || !jobsMayNameIt
    let given = [
      ("--proxy-strategy", flags.proxyStrategy != nil),
      ("'proxy.strategy' of the configuration", request.strategy != nil),
      ("--proxy-sticky-key", areIdle && request.stickyKey != nil),
      ("--proxy-domain", areIdle && request.domain != nil), ("--proxy-origin", areIdle && request.origin != nil),
    ]
    guard let flag = given.first(where: \.1)?.0 else { return }
    if pools.isEmpty {
      throw QuarryError(
        .usage, "\(flag) is given, and there is no proxy pool",
        remedy: "define pools under 'proxies' in the file of --config, and name one with --proxy-pool")
    }
    throw QuarryError(
      .usage, "\(flag) is given, and no proxy pool is named",
      remedy: "add --proxy-pool; there are: \(pools.map(\.name).joined(separator: ", "))")
  }

  static func strategy(_ text: String) throws(QuarryError) -> ProxyStrategy {
    if let strategy = ProxyStrategy(rawValue: text) { return strategy }
    let names = ProxyStrategy.allCases.map(\.rawValue)
    let nearest = Nearest.to(text, among: names).map { "did you mean '\($0)'? " } ?? ""
    throw QuarryError(
      .usage, "unknown proxy strategy '\(text)'", remedy: "\(nearest)there are: \(names.joined(separator: ", "))")
  }

  private static func domain(_ text: String) throws(QuarryError) -> String {
    if let domain = ProxySite(url: "http://\(text)")?.domain, domain == text.lowercased() { return domain }
    throw QuarryError(
      .usage, "--proxy-domain '\(text)' is not a host", remedy: "for example shop.example; a URL goes to --proxy-origin"
    )
  }

  private static func origin(_ text: String) throws(QuarryError) -> String {
    if let site = ProxySite(url: text) { return site.origin }
    throw QuarryError(
      .usage, "--proxy-origin '\(text)' is not an origin", remedy: "for example https://shop.example or http://h:8080")
  }
}
