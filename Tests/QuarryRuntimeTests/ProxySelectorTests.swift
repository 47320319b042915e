import QuarryCore
import QuarryRuntime
import Testing

@Suite struct ProxySelectorTests {
  private func pool(
    _ name: String, _ strategy: ProxyStrategy = .roundRobin, sticky: ProxySticky? = nil, window: Int? = nil
  ) throws -> ProxyPool {
    let endpoints = try (1...3).map { try ProxyEndpoint(scheme: .http, host: "\(name)\($0)", port: 80) }
    return try ProxyPool(name: name, strategy: strategy, endpoints: endpoints, sticky: sticky, recencyWindow: window)
  }

  private func selector(_ pool: ProxyPool, _ request: ProxyRequest? = nil) throws -> ProxySelector {
    try ProxySelector(pools: [pool, self.pool("other")], request: request ?? ProxyRequest(pool: pool.name))
  }

  private func choice(_ selector: ProxySelector, _ job: String = "{}", key: String? = "job-1") throws -> ProxyChoice {
    try #require(try selector.selection(job: job, jobKey: key)).choice
  }

  @Test func withoutARequestThereIsNoProxy() throws {
    let selector = try ProxySelector(pools: [pool("p")])
    #expect(try selector.selection(job: "{}", jobKey: nil) == nil)
    #expect(try choice(selector, #"{"proxy":{"pool":"p"}}"#).pool == "p")
    #expect(try selector.selection(job: #"{"proxy":"http://own:1"}"#, jobKey: nil) == nil, "the script's own affair")
    #expect(try selector.selection(job: #"{"proxy":{"host":"own"}}"#, jobKey: nil) == nil)
  }

  @Test func aJobsRequestGoesFirst() throws {
    let selector = try selector(pool("p"), ProxyRequest(pool: "p", strategy: .random, stickyKey: "flag"))
    #expect(try choice(selector).strategy == .random)
    let other = try choice(selector, #"{"proxy":{"pool":"other"}}"#)
    #expect(other.pool == "other" && other.strategy == .roundRobin, "the flag's strategy was for its own pool")
    let own = try choice(selector, #"{"proxy":{"pool":"p","strategy":"sticky","sticky_key":"own"}}"#)
    #expect(own.strategy == .sticky && own.stickyKey == "own")
    let asTyped = try choice(selector, #"{"proxy":{"pool":"p","strategy":"sticky","stickyKey":"typed"}}"#)
    #expect(asTyped.stickyKey == "typed")
    #expect(try choice(selector, #"{"proxy":{"pool":"p","strategy":"sticky"}}"#).stickyKey == "flag")
  }

  @Test(arguments: [
    (#"{"proxy":{"pool":"q"}}"#, "there is no proxy pool 'q'"), (#"{"proxy":{"pool":7}}"#, "proxy.pool must be"),
    (#"{"proxy":{"pool":"p","strategy":"best"}}"#, "proxy.strategy must be round_robin, random or sticky"),
    (#"{"proxy":{"pool":"p","sticky_key":""}}"#, "proxy.sticky_key must be"),
    (#"{"proxy":{"pool":"p","sticky_kye":"a","strategi":"sticky"}}"#, "the job's proxy.sticky_kye is not known"),
  ])
  func wrongRequestsAreRefused(job: String, message: String) throws {
    let selector = try selector(pool("p"))
    let error = #expect(throws: QuarryError.self) { try selector.selection(job: job, jobKey: nil) }
    #expect(error?.kind == .usage)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func aPoolThatIsNotThereIsNamedWithThoseThatAre() throws {
    let error = #expect(throws: QuarryError.self) { try selector(pool("p"), ProxyRequest(pool: "x")) }
    #expect(error?.remedy == "there are: p, other")
  }

  @Test func stickyKeysFollowTheScope() throws {
    let job = #"{"url":"https://Shop.Example/a"}"#
    func key(_ scope: ProxySticky.Scope?, _ change: (inout ProxyRequest) -> Void = { _ in }) throws -> String? {
      var request = ProxyRequest(pool: "p")
      change(&request)
      let sticky = scope.map { ProxySticky(scope: $0, ttl: .seconds(9)) }
      return try choice(selector(pool("p", .sticky, sticky: sticky), request), job).stickyKey
    }
    #expect(try key(nil) == "job-1")
    #expect(try key(.job) == "job-1")
    #expect(try key(.domain) == "shop.example")
    #expect(try key(.origin) == "https://shop.example:443")
    #expect(try key(.domain) { $0.domain = "flag.test" } == "flag.test")
    #expect(try key(.domain) { $0.origin = "http://flag.test:80" } == "flag.test")
    #expect(try key(.origin) { $0.origin = "http://flag.test:80" } == "http://flag.test:80")
    #expect(try key(.origin) { $0.stickyKey = "k" } == "k")
    let made = try choice(selector(pool("p", .sticky, sticky: ProxySticky(scope: .job, ttl: .seconds(9)))), job)
    #expect(made.stickyTTL == .seconds(9) && made.host == "shop.example")
  }

  @Test func withoutASiteTheJobIsHeldOnToAndThatIsSaid() throws {
    let selector = try selector(pool("p", .sticky, sticky: ProxySticky(scope: .domain)))
    let selection = try #require(try selector.selection(job: "{}", jobKey: "job-1"))
    #expect(selection.choice.stickyKey == "job-1")
    #expect(selection.note?.contains("--proxy-domain") == true)
    #expect(try selector.selection(job: #"{"host":"h.test:80"}"#, jobKey: "job-1")?.note == nil)
  }

  @Test func theWindowIsForRandomAlone() throws {
    #expect(try choice(selector(pool("p", .random, window: 2))).recencyWindow == 2)
    #expect(try choice(selector(pool("p", .roundRobin, window: 2))).recencyWindow == 0)
    #expect(try choice(selector(pool("p", .random, window: 2)), #"{"url":"http://h/"}"#).host == "h")
  }
}
