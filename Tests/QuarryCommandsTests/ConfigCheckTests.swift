import Foundation
import QuarryCommands
import QuarryCore
import TestSupport
import Testing

/// `quarry config check FILE`.
@Suite struct ConfigCheckTests {
  struct Row: Decodable, Equatable {
    let key: String
    let value: Value
    let from: String
    let line: Int?
    let variables: [String]
  }

  enum Value: Decodable, Equatable {
    case none
    case number(Int)
    case flag(Bool)
    case text(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .none
      } else if let value = try? container.decode(Bool.self) {  // the next form is tried
        self = .flag(value)
      } else if let value = try? container.decode(Int.self) {  // the next form is tried
        self = .number(value)
      } else {
        self = .text(try container.decode(String.self))
      }
    }
  }

  private func check(
    _ text: String, environment: [String: String] = [:], _ flags: String...
  ) async throws -> CommandHarness.Result {
    let folder = TemporaryDirectory()
    defer { withExtendedLifetime(folder) {} }
    try text.write(toFile: folder.path + "/q.yaml", atomically: true, encoding: .utf8)
    let harness = CommandHarness(environment: environment, workingDirectory: folder.path)
    return await harness.run(["config", "check", "q.yaml"] + flags)
  }

  private func rows(_ text: String, environment: [String: String] = [:]) async throws -> [String: Row] {
    let result = try await check(text, environment: environment)
    #expect(result.exitCode == 0, "\(result.error)")
    #expect(result.error.isEmpty)
    let rows = try JSONDecoder().decode([Row].self, from: Data(result.output.utf8))
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.key, $0) })
  }

  @Test func anEndpointWithAPasswordIsRefused() async throws {
    let result = try await check(
      "storage: { backend: s3, path: b, endpoint: 'http://u:canary@h:1' }")
    #expect(result.exitCode == 2 && result.error.contains("cannot use the endpoint"), "\(result.error)")
    #expect(!(result.error + result.output).contains("canary"))
  }

  @Test func poolsOfProxiesAreShownWithoutTheirPasswords() async throws {
    let rows = try await rows(
      """
      proxies: { p: { strategy: random, endpoints: [{ protocol: http, host: h, port: 8080, username: u, password: "${W}" }] } }
      proxy: { pool: p }
      """, environment: ["W": "canary"])
    #expect(rows["proxy.pool"]?.value == .text("p"))
    #expect(rows["proxies.p.endpoints[0].port"]?.value == .number(8080))
    #expect(rows["proxies.p.endpoints[0].password"]?.value == .text("***"))
    let refused = try await check("proxy: { pool: q }")
    #expect(refused.exitCode == 2 && refused.error.contains("no proxy pool 'q'"))
  }

  @Test func saysWhereEachValueComesFrom() async throws {
    let rows = try await rows(
      """
      source: shop
      policy:
        name: streaming
        flush_count: ${COUNT:-500}
        flush_interval: ${INTERVAL}
      fleet: { lease: 90s, retry_base: 500ms }
      """, environment: ["INTERVAL": "90s"])
    func row(_ key: String) throws -> Row { try #require(rows[key], "\(key)") }
    #expect(try row("source") == Row(key: "source", value: .text("shop"), from: "file", line: 1, variables: []))
    #expect(
      try row("policy.flush_count")
        == Row(key: "policy.flush_count", value: .number(500), from: "file", line: 4, variables: ["COUNT"]))
    #expect(
      try row("policy.flush_interval")
        == Row(
          key: "policy.flush_interval", value: .text("90s"), from: "environment", line: 5, variables: ["INTERVAL"]))
    #expect(try row("fleet.lease").value == .text("1m30s"))
    #expect(try row("fleet.lease").line == 6)
    #expect(
      try row("fleet.heartbeat")
        == Row(key: "fleet.heartbeat", value: .text("10s"), from: "default", line: nil, variables: []))
    #expect(try row("fleet.retry_cap").value == .text("10m"))
    #expect(try row("category").value == .text("default"))
    #expect(try row("fleet.redis").value == .none)
    #expect(try row("storage.path").value == .text(row("fleet.script_root").textValue + "/quarry-data"))
  }

  /// Each key that a file may have is in the report: asked of the refusal of a key that there is not.
  @Test func everyKeyIsThere() async throws {
    let known = try await rows("").keys
    for key in try keys(below: "") {
      let below = (try? keys(below: key)) ?? []  // a key that is no mapping has none
      for path in below.isEmpty ? [key] : below.map({ "\(key).\($0)" }) {
        #expect(known.contains(path), "\(path): is its section in ConfigurationReport.sections?")
      }
    }
  }

  @Test func theGuideKnowsEveryKeyAndItsFilesAreRead() async throws {
    let guide = try String(contentsOfFile: BuiltProducts.root + "/docs/guides/configuration.md", encoding: .utf8)
    for key in try await rows("").keys { #expect(guide.contains("`\(key)`"), "\(key)") }
    let files = guide.split(separator: "```yaml\n").dropFirst().compactMap { $0.split(separator: "```").first }
    #expect(files.count > 2)
    for file in files {
      let text = EnvironmentExpansion.expand(String(file), environment: ["REDIS_PASSWORD": "p"])
      #expect(throws: Never.self) { try ConfigurationLoader.parse(text, file: "the guide") }
    }
  }

  private struct NoMapping: Error {}

  private func keys(below section: String) throws -> [String] {
    let text = section.isEmpty ? "zzzz: 1\n" : "\(section):\n  zzzz: 1\n"
    let error = #expect(throws: QuarryError.self) { try ConfigurationLoader.parse(text, file: "q.yaml") }
    guard let remedy = error?.remedy, let list = remedy.firstRange(of: "known here: ") else { throw NoMapping() }
    return remedy[list.upperBound...].split(separator: ", ").map(String.init)
  }

  @Test func theEnvironmentStandsOverTheFile() async throws {
    let rows = try await rows(
      "browser_ws_endpoint: ws://10.0.0.1:1/a\n", environment: ["QUARRY_BROWSER_ENDPOINT": "ws://10.0.0.2:2/secret"])
    #expect(
      rows["browser_ws_endpoint"]
        == Row(
          key: "browser_ws_endpoint", value: .text("ws://10.0.0.2:2/***"), from: "environment", line: nil,
          variables: ["QUARRY_BROWSER_ENDPOINT"]))
  }

  @Test(arguments: ["json", "yaml", "table"])
  func noFormatShowsASecret(_ format: String) async throws {
    let result = try await check(
      """
      browser_ws_endpoint: "wss://browsers.test/chrome?token=tok-en"
      fleet:
        redis: redis://worker:${REDIS_PASSWORD}@10.0.0.5/2
      """, environment: ["REDIS_PASSWORD": "pass-word"], "--format", format)
    #expect(result.exitCode == 0, "\(result.error)")
    #expect(!result.output.contains("tok-en") && !result.output.contains("pass-word"))
    #expect(result.output.contains("redis://worker:***@10.0.0.5/2"))
    #expect(result.output.contains("REDIS_PASSWORD"))
  }

  @Test(arguments: [
    ("catgory: a\n", "q.yaml:1: unknown key 'catgory'"), ("policy: { name: streaming }\n", "needs a trigger"),
    ("storage: { backend: ftp }\n", "unknown storage backend 'ftp'"),
    ("storage: { path: none }\n", "none: No such file or directory"), ("fleet: { depth: 2 }\n", "--max-runs"),
    ("fleet: { lease: 1s, heartbeat: 1s }\n", "cannot keep a lease"), ("a: [\n", "q.yaml:"),
    ("source: ''\n", "source is empty"), ("source: ..\n", "source '..' is not a usable name"),
    ("category: ''\n", "category is empty"), ("category: ..\n", "category '..' is not a usable name"),
    ("events:\n  sinks:\n    - type: lode\n      url: redis://h\n", "q.yaml:4: 'events.sinks"),
    ("events: { sinks: [{ type: lode, stream_key: k }] }\n", "stream_key' is for a sink of type redis"),
    ("events: { sinks: [{ type: lode, max_len: 5 }] }\n", "max_len' is for a sink of type redis"),
    ("resolve_from: nowhere\n", "is not a directory"), ("no_browser_reuse: 1\n", "must be true or false"),
  ])
  func whatACommandWouldRefuseIsRefused(_ text: String, _ message: String) async throws {
    let result = try await check(text)
    #expect(result.exitCode == 2)
    #expect(result.output.isEmpty)
    #expect(result.error.contains(message), "\(result.error)")
  }

  @Test func adaptersAndSinksAreShownWithoutSecrets() async throws {
    let result = try await check(
      """
      adapter: { type: webhook, url: "https://canary:canary@h.test/canary?canary", headers: { X-A: canary }, retries: 0 }
      events: { sinks: [{ type: redis, url: "redis://:canary@10.0.0.5" }] }
      """)
    #expect(result.exitCode == 0, "\(result.error)")
    #expect(!result.output.contains("canary"), "\(result.output)")
    #expect(result.output.contains("https://***@h.test/***"))
    for (text, message) in [
      ("adapter: { outbox: true }\n", "its type is missing"), ("adapter: { type: webhook, url: canary }\n", "webhook"),
      ("events: { sinks: [{ type: redis }] }\n", "has no URL"),
    ] {
      let refused = try await check(text)
      #expect(refused.exitCode == 2)
      #expect(refused.error.contains(message) && !refused.error.contains("canary"), "\(refused.error)")
    }
  }

  @Test func aFileThatIsNotThere() async throws {
    let result = await CommandHarness().run("config", "check", "none.yaml")
    #expect(result.exitCode == 2)
    #expect(result.error.contains("configuration none.yaml cannot be read: No such file or directory"))
    #expect(await CommandHarness().run("config", "check").exitCode == 2)
  }
}

extension ConfigCheckTests.Row {
  fileprivate var textValue: String { if case .text(let text) = value { text } else { "" } }
}
