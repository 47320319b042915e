import QuarryCore
import Testing

@Suite struct ProxyTests {
  static let canary = "canary-5a17"

  private func endpoint(
    _ scheme: ProxyEndpoint.Scheme = .http, host: String = "p.test", port: Int = 8080, username: String? = nil,
    password: String? = nil
  ) throws -> ProxyEndpoint {
    try ProxyEndpoint(scheme: scheme, host: host, port: port, username: username, password: password)
  }

  @Test func endpointsAreNamedWithoutTheirPassword() throws {
    #expect(try endpoint().name == "http://p.test:8080")
    let secret = try endpoint(.socks5, host: "::1", username: "u", password: Self.canary)
    #expect(secret.name == "socks5://u@[::1]:8080")
    #expect(secret.redacted == ["protocol": "socks5", "host": "::1", "port": 8080, "username": "u"])
    var dumped = ""
    dump([secret], to: &dumped)
    let pool = try ProxyPool(name: "p", strategy: .random, endpoints: [secret])
    dump(pool, to: &dumped)
    for text in ["\(secret)", String(reflecting: secret), "\(pool)", String(reflecting: pool), dumped] {
      #expect(!text.contains(Self.canary), "\(text)")
    }
    #expect(secret.credentials?.password == Self.canary)
  }

  @Test func wrongEndpointsNameTheField() {
    func expect(_ field: String, _ make: () throws -> ProxyEndpoint) {
      let problem = #expect(throws: ProxyProblem.self) { try make() }
      #expect(problem?.field == field)
      #expect(problem?.message.contains(Self.canary) == false)
    }
    expect("host") { try endpoint(host: "") }
    expect("host") { try endpoint(host: "u:\(Self.canary)@p.test") }
    expect("host") { try endpoint(host: "http://p.test") }
    for port in [0, -1, 65_536] { expect("port") { try endpoint(port: port) } }
    expect("username") { try endpoint(username: "u") }
    expect("username") { try endpoint(username: "", password: Self.canary) }
    expect("password") { try endpoint(password: Self.canary) }
  }

  @Test func wrongPoolsNameTheField() throws {
    let one = [try endpoint()]
    func expect(_ field: String, _ make: () throws -> ProxyPool) {
      let problem = #expect(throws: ProxyProblem.self) { try make() }
      #expect(problem?.field == field)
    }
    expect("endpoints") { try ProxyPool(name: "p", strategy: .random, endpoints: []) }
    expect("name") { try ProxyPool(name: "a pool", strategy: .random, endpoints: one) }
    expect("recency_window") { try ProxyPool(name: "p", strategy: .random, endpoints: one, recencyWindow: 0) }
    expect("ttl_ms") {
      try ProxyPool(name: "p", strategy: .sticky, endpoints: one, sticky: ProxySticky(scope: .job, ttl: .zero))
    }
  }

  @Test func warningsAreNoErrors() throws {
    func pool(_ strategy: ProxyStrategy, _ count: Int = 1, _ scheme: ProxyEndpoint.Scheme = .http, window: Int? = nil)
      throws -> ProxyPool
    {
      let endpoints = try (0..<count).map { try endpoint(scheme, port: $0 + 1) }
      return try ProxyPool(name: "p", strategy: strategy, endpoints: endpoints, recencyWindow: window)
    }
    #expect(try pool(.roundRobin, 50).warnings().isEmpty)
    #expect(
      try pool(.roundRobin, 51).warnings() == ["pool 'p': a round_robin pool of 51 endpoints is slow to come round"])
    #expect(try pool(.random, 51).warnings().isEmpty)
    #expect(try pool(.random, 2, .socks5).warnings() == ["pool 'p': socks5 is best effort"])
    #expect(try pool(.sticky, window: 3).warnings() == ["pool 'p': recency_window has no effect on sticky"])
    #expect(try pool(.random, window: 3).warnings().isEmpty)
    #expect(
      try pool(.random, window: 3).warnings(for: .roundRobin) == [
        "pool 'p': recency_window has no effect on round_robin"
      ])
  }

  @Test func anEndpointThatIsThereTwiceHasTwoNames() throws {
    let pool = try ProxyPool(name: "p", strategy: .random, endpoints: [endpoint(), endpoint(port: 1), endpoint()])
    #expect(pool.endpointNames == ["http://p.test:8080", "http://p.test:1", "http://p.test:8080#2"])
  }

  @Test(arguments: [
    ["https://Shop.Example/a?b#c", "shop.example", "https://shop.example:443"],
    ["http://u:p@h:8080", "h", "http://h:8080"],
    ["HTTP://h:", "h", "http://h:80"],
    ["ws://[::1]:9/", "[::1]", "ws://[::1]:9"],
    ["ftp://h:21/x", "h", "ftp://h:21"],
  ])
  func sitesHaveADomainAndAnOrigin(_ example: [String]) {
    let site = ProxySite(url: example[0])
    #expect(site?.domain == example[1])
    #expect(site?.origin == example[2])
  }

  @Test(arguments: [
    "", "shop.example", "://h", "ftp://h", "http://", "http://h:0", "http://h:70000", "http://[::1", "http://h:+8",
    "http://::1",
  ])
  func whatIsNoSiteIsNone(_ url: String) { #expect(ProxySite(url: url) == nil) }
}
