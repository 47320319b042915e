import QuarryCore
import QuarryRuntime
import Synchronization
import Testing

/// What a run does with the proxy that it was given.
@Suite struct RunProxyTests {
  private static let canary = "canary-5a17"

  private func proxy() throws -> RunProxy {
    let endpoint = try ProxyEndpoint(
      scheme: .socks5, host: "p.test", port: 1080, username: "u", password: Self.canary)
    let pool = try ProxyPool(name: "p", strategy: .sticky, endpoints: [endpoint])
    let selector = try ProxySelector(pools: [pool], request: ProxyRequest(pool: "p", stickyKey: "k"))
    return try #require(try selector.selection(job: #"{"url":"http://h.test/"}"#, jobKey: nil)).proxy(at: 0)
  }

  @Test func theExecutorGetsAllOfItAndTheReportNoPassword() async throws {
    let executor = try FakeExecutor(
      """
      p = request['proxy']
      item(knows=p.pop('password') == '\(Self.canary)', proxy=p)
      event('rotate_proxy', {'reason': 'captcha'})
      event('run_complete')
      frame(dict(type='run_result', outcome=dict(status='completed'), proxy_used=p))
      """)
    var harness = RunHarness()
    harness.proxy = try proxy()
    let report = try await harness.run(executor)
    #expect(report.outcome == .success, "\(report.message)")
    let redacted: JSONValue = ["protocol": "socks5", "host": "p.test", "port": 1080, "username": "u"]
    #expect(harness.sink.lines(.event).first?["payload"]?["data"] == ["knows": true, "proxy": redacted])
    let json = try JSONParser.parse(report.jsonText)
    #expect(json["proxy_used"] == redacted)
    #expect(
      json["proxy"] == [
        "pool": "p", "strategy": "sticky", "endpoint": "socks5://u@p.test:1080", "sticky_key": "k", "rotate": true,
        "rotate_reason": "captcha",
      ])
    #expect(report.failedProxy == nil)
    let metrics = try #require(harness.sink.lines.last)
    #expect(metrics["proxy_pool"] == "p" && metrics["proxy_endpoint"] == "socks5://u@p.test:1080")
    #expect(metrics["rotate_proxy_total"] == 1)
    #expect(!"\(report)\(report.jsonText)\(harness.sink.lines)".contains(Self.canary))
  }

  @Test func anExecutorThatDiesHadTheProxyThatItWasGiven() async throws {
    var harness = RunHarness()
    harness.proxy = try proxy()
    let report = try await harness.run(try FakeExecutor("item()\nos.kill(os.getpid(), 9)"))
    #expect(report.outcome == .executorCrash)
    #expect(try JSONParser.parse(report.jsonText)["proxy_used"]?["host"] == "p.test")
    #expect(report.failedProxy == nil)
    #expect(!report.jsonText.contains(Self.canary))
  }

  @Test(arguments: [("the proxy socks5://u@p.test:1080 ended the connection: net::ERR", true), ("no price", false)])
  func aProxyThatFailsRests(message: String, rests: Bool) async throws {
    var harness = RunHarness()
    harness.proxy = try proxy()
    let report = try await harness.run(
      try FakeExecutor("event('run_error', {'error_type': 'script_error', 'message': '\(message)'})\nsys.exit(1)"))
    #expect(report.outcome == .scriptError)
    let rest = ProxyRest(pool: "p", endpoint: "socks5://u@p.test:1080", host: "h.test", stickyKey: "k")
    #expect(report.failedProxy?.rest == (rests ? rest : nil))
  }

  @Test func aWishForAnotherProxyIsToldWhileTheRunGoesOn() async throws {
    let wishes = Mutex<[RotationWish]>([])
    let control = RunControl()
    var harness = RunHarness()
    let given = try proxy()
    harness.proxy = given
    harness.observer.onRotation = { wish, proxy in
      #expect(proxy == given)
      wishes.withLock { $0.append(wish) }
    }
    // Both wishes have been read by then, and the executor goes on.
    harness.observer.onLog = { _, _ in control.stop(.shutdown) }
    let report = try await harness.run(
      try FakeExecutor(
        "event('rotate_proxy', {'reason': 'a'})\nevent('rotate_proxy', {'reason': 'b'})\n"
          + "event('log', {'level': 'info', 'message': 'both said'})\nsignal.pause()"),
      control: control)
    #expect(report.stopReason == .shutdown, "\(report.message)")
    #expect(wishes.withLock { $0 } == [RotationWish(reason: "a")])
    #expect(report.rotation == RotationWish(reason: "b"))
  }

  @Test func withoutAProxyNothingSaysThatThereWasOne() async throws {
    let harness = RunHarness()
    let report = try await harness.run(try FakeExecutor("event('rotate_proxy')\nevent('run_complete')"))
    #expect(report.outcome == .success, "\(report.message)")
    let json = try JSONParser.parse(report.jsonText)
    #expect(json["proxy"] == nil && json["proxy_used"] == nil)
    #expect(report.rotation == RotationWish(reason: nil) && report.failedProxy == nil)
    #expect(harness.sink.lines.last?["proxy_pool"] == nil)
  }
}
