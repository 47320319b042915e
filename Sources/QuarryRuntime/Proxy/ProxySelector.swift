import QuarryCore

/// Makes of a run's job, the flags and the pools what a store is to choose.
package struct ProxySelector: Sendable, Equatable {
  package let pools: [ProxyPool]
  /// Of flags and configuration.
  package let request: ProxyRequest

  /// - Throws: `QuarryError(.usage)` when the request names a pool that is not there.
  package init(pools: [ProxyPool], request: ProxyRequest = ProxyRequest()) throws(QuarryError) {
    self.pools = pools
    self.request = request
    if let name = request.pool { _ = try pool(name) }
  }

  /// - Parameters:
  ///   - job: a JSON object, as text; its `proxy` goes before the request of flags and configuration.
  ///   - jobKey: what a pool that is sticky by job holds on to: the job's id, else the root run's.
  /// - Returns: nil when the run goes without a proxy.
  /// - Throws: `QuarryError(.usage)` for a pool that is not there or a request that cannot be read.
  package func selection(job: String, jobKey: String?) throws(QuarryError) -> ProxySelection? {
    // What is not JSON is refused where the run begins.
    let job = (try? JSONParser.parse(job)) ?? [:]
    let request = try merged(with: ProxyRequest(job: job))
    guard let name = request.pool else { return nil }
    return ProxySelection(pool: try pool(name), request: request, site: Site(request, job), jobKey: jobKey)
  }

  /// Why the pool that a job names by itself is not to be had; nil when it is, or when the job names none.
  package func missingPool(of job: String) -> QuarryError? {
    // What cannot be read at all is for `selection` to refuse.
    guard let own = try? ProxyRequest(job: (try? JSONParser.parse(job)) ?? [:]), let name = own.pool else { return nil }
    do throws(QuarryError) {
      _ = try pool(name)
      return nil
    } catch {
      return error
    }
  }

  package func pool(_ name: String) throws(QuarryError) -> ProxyPool {
    if let pool = pools.first(where: { $0.name == name }) { return pool }
    let known = pools.map(\.name).joined(separator: ", ")
    throw QuarryError(
      .usage, "there is no proxy pool '\(name)'",
      remedy: pools.isEmpty ? "define it under 'proxies' in the file of --config" : "there are: \(known)")
  }

  /// A job's own pool takes the strategy of flags only where it is the same pool.
  private func merged(with own: ProxyRequest?) -> ProxyRequest {
    guard let own else { return request }
    var merged = request
    merged.pool = own.pool
    merged.strategy = own.strategy ?? (own.pool == request.pool ? request.strategy : nil)
    merged.stickyKey = own.stickyKey ?? request.stickyKey
    return merged
  }

  /// The site that a run is about, as far as anybody says it.
  struct Site {
    let domain: String?
    let origin: String?

    init(_ request: ProxyRequest, _ job: JSONValue) {
      let named = request.origin.flatMap(ProxySite.init(url:))
      let own = job["url"]?.string.flatMap(ProxySite.init(url:))
      domain =
        request.domain ?? named?.domain ?? own?.domain
        ?? job["host"]?.string.flatMap { ProxySite(url: "http://\($0)") }?.domain
      origin = named?.origin ?? own?.origin
    }
  }
}

/// A choice that is to be made for one run.
package struct ProxySelection: Sendable, Equatable {
  package let pool: ProxyPool
  package let choice: ProxyChoice
  /// A sticky choice that has nothing better to hold on to than the job.
  package let note: String?

  init(pool: ProxyPool, request: ProxyRequest, site: ProxySelector.Site, jobKey: String?) {
    self.pool = pool
    let strategy = request.strategy ?? pool.strategy
    var choice = ProxyChoice(pool: pool.name, strategy: strategy, endpoints: pool.endpointNames)
    choice.host = site.domain
    if strategy == .random { choice.recencyWindow = pool.recencyWindow ?? 0 }
    var note: String?
    if strategy == .sticky {
      let scope = pool.sticky?.scope ?? .job
      let key = request.stickyKey ?? Self.key(scope, site, jobKey)
      choice.stickyKey = key ?? jobKey
      choice.stickyTTL = pool.sticky?.ttl
      if key == nil { note = Self.note(pool, scope) }
    }
    self.choice = choice
    self.note = note
  }

  private static func key(_ scope: ProxySticky.Scope, _ site: ProxySelector.Site, _ jobKey: String?) -> String? {
    switch scope {
    case .job: jobKey
    case .domain: site.domain
    case .origin: site.origin
    }
  }

  private static func note(_ pool: ProxyPool, _ scope: ProxySticky.Scope) -> String {
    "pool '\(pool.name)' is sticky by \(scope.rawValue), and a run names none (--proxy-\(scope.rawValue), or `url` in "
      + "the job): it sticks to its job's proxy"
  }

  /// - Parameter place: as a store answered it.
  package func proxy(at place: Int) -> RunProxy {
    RunProxy(
      pool: pool.name, strategy: choice.strategy, endpoint: pool.endpoints[place],
      name: choice.endpoints[place], stickyKey: choice.stickyKey, host: choice.host)
  }
}

/// The proxy that a run was given.
package struct RunProxy: Sendable, Equatable {
  package let pool: String
  package let strategy: ProxyStrategy
  package let endpoint: ProxyEndpoint
  /// The endpoint's name in its pool.
  package let name: String
  package let stickyKey: String?
  /// The host that the run is about.
  package let host: String?

  /// What to do when the run asks for another proxy.
  package var rest: ProxyRest { ProxyRest(pool: pool, endpoint: name, host: host, stickyKey: stickyKey) }
}
