import QuarryCommands
import QuarryCore
import Testing

@Suite struct ConfigurationTests {
  @Test func everyKeyIsRead() throws {
    let text = """
      source: shop
      category: lists
      executor: /opt/executor
      browser_ws_endpoint: ws://127.0.0.1:9/x
      no_browser_reuse: true
      resolve_from: ../lib
      storage: { dataset: d, backend: fs, path: /data, durability: none }
      policy:
        name: streaming
        flush_count: 500
        flush_interval: 1m30s
      fleet:
        redis: redis://h:1/2
        name: f
        script_root: scripts
        concurrency: 4
        drain_timeout: 25s
        depth: 2
        max_runs: 500
        allow_dead: 1
        lane: high
        lease: 30s
        heartbeat: 10s
        attempts: 4
        crashes: 3
        crash_base: 15s
        blocks: 10
        block_base: 2s
        retry_base: 500ms
        retry_cap: 10m
        host_concurrency: 2
        host_delay: 1s500ms
        auto_throttle: true
        host_max_pages: 100
        job_concurrency: 8
        run_timeout: 5m
        isolation: none
        executor_max_runs: 900
        executor_max_rss: 256MiB
        max_rss: 1g
      """
    let configuration = try ConfigurationLoader.parse(text, file: "q.yaml")
    #expect(configuration.source == "shop")
    #expect(configuration.noBrowserReuse == true)
    #expect(configuration.storage.durability == "none")
    #expect(configuration.policy == .init(name: "streaming", flushCount: 500, flushInterval: .seconds(90)))
    #expect(configuration.fleet.concurrency == 4)
    #expect(configuration.fleet.retryCap == .seconds(600))
    #expect(configuration.fleet.hostConcurrency == 2)
    #expect(configuration.fleet.hostDelay == .milliseconds(1_500))
    #expect(configuration.fleet.autoThrottle == true)
    #expect(configuration.fleet.hostMaxPages == 100)
    #expect(configuration.fleet.jobConcurrency == 8)
    #expect(configuration.fleet.runTimeout == .seconds(300))
    #expect(configuration.fleet.isolation == "none")
    #expect(configuration.fleet.executorMaxRuns == 900)
    #expect(configuration.fleet.executorMaxRSS == 256 << 20 && configuration.fleet.maxRSS == 1 << 30)
  }

  @Test func emptyIsFine() throws {
    #expect(try ConfigurationLoader.parse("", file: "q.yaml") == Configuration())
    #expect(try ConfigurationLoader.parse("# nothing\n", file: "q.yaml") == Configuration())
  }

  private func expectRefusal(_ text: String, _ message: String, remedy: String? = nil) {
    let error = #expect(throws: QuarryError.self) { try ConfigurationLoader.parse(text, file: "q.yaml") }
    #expect(error?.kind == .usage)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    if let remedy { #expect(error?.remedy?.contains(remedy) == true, "\(error?.remedy ?? "")") }
  }

  @Test func unknownKeysNameLineAndNearest() {
    expectRefusal("source: a\ncatgory: b\n", "q.yaml:2: unknown key 'catgory'", remedy: "did you mean 'category'?")
    expectRefusal(
      "policy:\n  name: strict\n  flush_cuont: 2\n", "q.yaml:3: unknown key 'policy.flush_cuont'",
      remedy: "did you mean 'flush_count'?")
    expectRefusal("zebra: 1\n", "q.yaml:1: unknown key 'zebra'", remedy: "known here: source")
  }

  @Test func wrongTypesNameTheLine() {
    expectRefusal("source: 3\n", "q.yaml:1: 'source' must be a text (put it in quotes), found '3'")
    expectRefusal("\nstorage: fs\n", "q.yaml:2: 'storage' must be a mapping of keys, found 'fs'")
    expectRefusal("policy:\n  flush_count: many\n", "q.yaml:2: 'policy.flush_count' must be a whole number")
    expectRefusal("policy:\n  flush_count: 0\n", "q.yaml:2: 'policy.flush_count' must be a whole number of at least 1")
    expectRefusal(
      "policy:\n  buffer_bytes: 0\n", "q.yaml:2: 'policy.buffer_bytes' must be a size such as 256MiB, 1g or 65536")
    expectRefusal("policy:\n  flush_interval: 5\n", "q.yaml:2: 'policy.flush_interval' must be a duration")
    expectRefusal("source: [a]\n", "q.yaml:1: 'source' must be a text (put it in quotes), found a list")
    expectRefusal("source:\n", "q.yaml:1: 'source' must be a text (put it in quotes), found nothing")
    expectRefusal("- a\n", "q.yaml: a configuration is a mapping of keys")
  }

  @Test func brokenYAMLNamesTheLine() {
    expectRefusal("source: a\n  bad: [\n", "q.yaml:2: ")
    expectRefusal("source: a\nsource: b\n", "key 'source' is there twice")
  }

  @Test func variablesAreExpanded() {
    let environment = ["A": "1", "EMPTY": ""]
    func expand(_ text: String) -> String { EnvironmentExpansion.expand(text, environment: environment) }
    #expect(expand("x${A}y${MISSING}z") == "x1yz")
    #expect(expand("${MISSING:-d}${EMPTY:-e}${A:-f}${MISSING:-}") == "de1")
    #expect(expand("$A ${ A} ${1A} ${A $$ ${A-b}") == "$A ${ A} ${1A} ${A $$ ${A-b}")
    #expect(expand("${MISSING:-http://h:1/}") == "http://h:1/")
  }
}
