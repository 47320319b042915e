import Foundation
import QuarryCommands
import QuarryCore
import TestSupport
import Testing

/// Pools from files and flags, and the commands that show them.
@Suite struct ProxyCommandTests {
  private static let canary = "canary-5a17"
  private static let yaml = """
    proxies:
      home:
        strategy: random
        recency_window: 1
        endpoints:
          - { protocol: http, host: a.test, port: 8080, username: me, password: "${PROXY_PASSWORD}" }
          - { protocol: https, host: b.test, port: 443 }
      held:
        strategy: sticky
        sticky: { scope: domain, ttl_ms: 60000 }
        endpoints: [{ protocol: socks5, host: c.test, port: 1080 }]

    """

  private func harness(_ files: [String: String]) throws -> (CommandHarness, TemporaryDirectory) {
    let folder = TemporaryDirectory()
    for (name, text) in files {
      try text.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
    }
    var harness = CommandHarness()
    harness.workingDirectory = folder.path
    harness.environment = ["PROXY_PASSWORD": Self.canary]
    return (harness, folder)
  }

  private func ask(_ harness: CommandHarness, _ arguments: String...) async throws -> (JSONValue, String) {
    let result = await harness.run(arguments)
    #expect(result.exitCode == 0, "\(arguments): \(result.error)")
    #expect(!(result.output + result.error).contains(Self.canary))
    return (try JSONParser.parse(result.output), result.error)
  }

  @Test func poolsAreListedAndInspected() async throws {
    let (harness, folder) = try harness(["q.yaml": Self.yaml])
    let (list, _) = try await ask(harness, "list", "pools", "--config", "q.yaml")
    #expect(list.array?.map { $0["name"] } == ["home", "held"])
    #expect(list.array?.map { $0["strategy"] } == ["random", "sticky"])
    let (pool, said) = try await ask(harness, "inspect", "proxy", "held", "--config", "q.yaml")
    #expect(pool["name"] == "held" && pool["endpoint_cnt"] == 1)
    #expect(pool["sticky"] == ["scope": "domain", "ttl_ms": 60_000])
    #expect(pool["runtime"]?["round_robin_index"] == 0 && pool["runtime"]?["sticky_entries"] == 0)
    #expect(pool["runtime"]?["recency_fill"] == 0 && pool["runtime"]?["last_used_at"] == JSONValue.null)
    #expect(said.contains("pool 'held': socks5 is best effort") && said.contains("no fleet is named"))
    let (other, _) = try await ask(harness, "inspect", "proxy", "home", "--config", "q.yaml")
    #expect(other["runtime"]?["recency_window"] == 1)
    let missing = await harness.run("inspect", "proxy", "hme", "--config", "q.yaml")
    #expect(missing.exitCode == 1 && missing.error.contains("no proxy pool 'hme'"))
    #expect(missing.error.contains("did you mean 'home'?") && missing.error.contains("`quarry list pools`"))
    withExtendedLifetime(folder) {}
  }

  @Test func debugResolvesWithoutThePassword() async throws {
    let (harness, folder) = try harness(["q.yaml": Self.yaml])
    let (first, _) = try await ask(
      harness, "debug", "resolve", "proxy", "home", "--config", "q.yaml", "--proxy-strategy", "round_robin")
    #expect(
      first["endpoint"] == ["protocol": "http", "host": "a.test", "port": 8080, "username": "me"])
    #expect(first["committed"] == false)
    let (held, _) = try await ask(
      harness, "debug", "resolve", "proxy", "held", "--config", "q.yaml", "--proxy-domain", "Shop.Test", "--commit")
    #expect(held["committed"] == true && held["sticky_key"] == "shop.test")
    let bare = await harness.run("debug", "resolve", "proxy", "held", "--config", "q.yaml")
    #expect(bare.exitCode == 2 && bare.error.contains("nothing to hold on to") && bare.error.contains("--proxy-domain"))
    withExtendedLifetime(folder) {}
  }

  @Test func theDeprecatedFileIsReadWithAWarning() async throws {
    let json = """
      [{"name": "old", "strategy": "round_robin", "recency_window": 3,
        "endpoints": [{"protocol": "http", "host": "a", "port": 1, "username": "u", "password": "\(Self.canary)"}]}]
      """
    let (harness, folder) = try harness(["p.json": json, "q.yaml": Self.yaml])
    let (list, said) = try await ask(harness, "list", "pools", "--proxy-config", "p.json")
    #expect(list.array?.map { $0["name"] } == ["old"])
    #expect(said.contains("warning: --proxy-config is deprecated"))
    let (_, warned) = try await ask(harness, "debug", "resolve", "proxy", "old", "--proxy-config", "p.json")
    #expect(warned.contains("warning: pool 'old': recency_window has no effect on round_robin"))
    let both = await harness.run("list", "pools", "--proxy-config", "p.json", "--config", "q.yaml")
    #expect(both.exitCode == 2 && both.error.contains("are both given"))
    withExtendedLifetime(folder) {}
  }

  @Test(arguments: [
    ("{}", "is a JSON array of pools"), ("[", "is not JSON: line 1"), ("[7]", "[0] must be a pool"),
    (#"[{"strategy":"random","endpoints":[]}]"#, "'[0].name' is missing"),
    (#"[{"name":"p","strategy":"random","endpoints":[]}]"#, "'endpoints' must hold at least one"),
    (#"[{"name":"p","strategy":"best","endpoints":[]}]"#, "'[0].strategy' must be one of round_robin, random, sticky"),
    (#"[{"name":"p","endpoints":[{"protocol":"http","host":"h","port":99999}]}]"#, "'port' must be from 1 to 65535"),
    (#"[{"name":"p","endpoints":[{"protocol":"http","host":"h","port":1,"pasword":"canary-5a17"}]}]"#, "unknown key"),
    (#"[{"name":"p","endpoints":["http://u:canary-5a17@h:1"]}]"#, "'[0].endpoints[0]' must be a mapping"),
    (#"[{"name":"p","endpoints":[{"protocol":"http","host":"u:canary-5a17@h","port":1}]}]"#, "'host' must be"),
    (#"[{"name":"p","endpoints":[{"protocol":"http://u:canary-5a17@h","host":"h","port":1}]}]"#, "must be one of http"),
    (#"[{"name":"p","endpoints":[{"protocol":"http","host":"h","port":1,"password":"canary-5a17"}]}]"#, "both or not"),
  ])
  func wrongFilesAreRefusedWithoutShowingSecrets(json: String, message: String) async throws {
    let (harness, folder) = try harness(["p.json": json])
    let result = await harness.run("list", "pools", "--proxy-config", "p.json")
    #expect(result.exitCode == 2)
    #expect(result.error.contains("p.json") && result.error.contains(message), "\(result.error)")
    #expect(!result.error.contains(Self.canary))
    withExtendedLifetime(folder) {}
  }

  @Test func wrongConfigurationNamesTheLine() throws {
    func refusal(_ text: String) -> String {
      let error = #expect(throws: QuarryError.self) { try ConfigurationLoader.parse(text, file: "q.yaml") }
      #expect(error?.message.contains(Self.canary) == false)
      return "\(error?.message ?? "")|\(error?.remedy ?? "")"
    }
    let pool = "proxies:\n  p:\n    strategy: random\n    endpoints:\n"
    let endpoint = "      - protocol: http\n        host: h\n        port: 1\n"
    #expect(
      refusal(pool + endpoint + "        username: u\n").contains("q.yaml:8: 'proxies.p.endpoints[0]': 'username'"))
    #expect(refusal(pool + endpoint + "        user: \(Self.canary)\n").contains("q.yaml:8: unknown key"))
    #expect(refusal(pool + "      - http://u:\(Self.canary)@h:1\n").contains("q.yaml:5: 'proxies.p.endpoints[0]'"))
    #expect(refusal(pool + endpoint + "    recency_window: 0\n").contains("q.yaml:8: 'proxies.p.recency_window'"))
    #expect(refusal(pool + endpoint + "    sticky: { scope: page }\n").contains("q.yaml:8: 'proxies.p.sticky.scope'"))
    #expect(refusal("proxies:\n  p: 3\n").contains("q.yaml:2: 'proxies.p' must be a mapping"))
    #expect(refusal("proxies: [1]\n").contains("q.yaml:1: 'proxies' must be a mapping of names"))
    #expect(refusal("proxies:\n  p: {}\n").contains("'endpoints' must hold at least one endpoint"))
    #expect(refusal("proxy: { strategy: rndom }\n").contains("did you mean 'random'?"))
  }

  @Test(arguments: [
    (
      "proxies:\n  p: { endpoints: [{ protocol: http, host: h, port: \"${PROXY_PASSWORD}\" }] }\n", "found the value of"
    ),
    ("policy: { flush_count: \"x${PROXY_PASSWORD}y\" }\n", "found the value of"),
    ("policy:\n  ${PROXY_PASSWORD}: 1\n", "unknown key the value of"),
  ])
  func valuesOfVariablesAreNotShown(_ yaml: String, _ message: String) async throws {
    let (harness, folder) = try harness(["q.yaml": yaml, "s.ts": ""])
    for arguments in [["config", "check", "q.yaml"], ["run", "--script", "s.ts", "--config", "q.yaml"]] {
      let result = await harness.run(arguments)
      #expect(result.exitCode == 2)
      #expect(result.error.contains("\(message) ${PROXY_PASSWORD}"), "\(result.error)")
      #expect(!result.error.contains(Self.canary))
    }
    withExtendedLifetime(folder) {}
  }

  @Test func aVariableThatIsMissingIsNamed() async throws {
    let endpoint = "{ protocol: http, host: h, port: 1, username: u, password: \"${NOT_SET}\" }"
    let (harness, folder) = try harness(["q.yaml": "proxies:\n  p: { endpoints: [\(endpoint)] }\n"])
    let result = await harness.run("config", "check", "q.yaml")
    #expect(result.exitCode == 2)
    #expect(result.error.contains("password' must be a text that is not empty\n  set NOT_SET: unset or empty"))
    withExtendedLifetime(folder) {}
  }

  @Test func passwordsMayLookLikeNumbers() throws {
    let configuration = try ConfigurationLoader.parse(
      "proxies: { p: { endpoints: [{ protocol: http, host: 10.0.0.1, port: 1, username: 007, password: 12345 }] } }",
      file: "q.yaml")
    let endpoint = try #require(configuration.proxies?.first?.endpoints.first)
    #expect(endpoint.credentials == .init(username: "007", password: "12345"))
    #expect(configuration.proxies?.first?.strategy == .roundRobin)
  }

  @Test(arguments: [
    (["--proxy-pool", "x"], "there is no proxy pool 'x'"),
    (["--proxy-strategy", "random"], "--proxy-strategy is given, and there is no proxy pool"),
    (["--proxy-domain", "h"], "--proxy-domain is given"),
    (["--config", "q.yaml", "--proxy-pool", "home", "--proxy-strategy", "rndom"], "unknown proxy strategy 'rndom'"),
    (["--config", "q.yaml", "--proxy-pool", "home", "--proxy-origin", "h"], "--proxy-origin 'h' is not an origin"),
    (["--config", "q.yaml", "--proxy-pool", "home", "--proxy-config", "p.json"], "are both given"),
  ])
  func flagsAreCheckedBeforeAnyRun(_ flags: [String], _ message: String) async throws {
    let (harness, folder) = try harness(["q.yaml": Self.yaml, "a.ts": "export default () => {};"])
    let result = await harness.run(["run", "--script", "a.ts"] + flags)
    #expect(result.exitCode == 2)
    #expect(result.error.contains(message), "\(result.error)")
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/quarry-data"))
  }
}
