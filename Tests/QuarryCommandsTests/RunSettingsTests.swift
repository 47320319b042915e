import Foundation
import QuarryCommands
import QuarryCore
import QuarryRuntime
import Synchronization
import TestSupport
import Testing

/// What `quarry run` makes of its flags, before anything is started.
@Suite struct RunSettingsTests {
  private func settings(_ arguments: String..., files: [String: String] = [:]) throws -> RunSettings {
    try settings(arguments, files: files)
  }

  private func settings(
    _ arguments: [String], files: [String: String] = [:], console: Console = .silent
  ) throws -> RunSettings {
    let folder = TemporaryDirectory()
    for (name, text) in files.merging(["list.ts": "export default () => {};"], uniquingKeysWith: { left, _ in left }) {
      try text.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
    }
    let context = CommandContext(
      environment: ["HERE": "expanded"], workingDirectory: folder.path, console: console)
    let command = try #require(
      try QuarryProgram.command(["run", "--script", "list.ts", "--executor", "/bin/true"] + arguments) as? RunCommand)
    return try RunSettings(command, in: context)
  }

  private func refusal(_ arguments: String..., files: [String: String] = [:]) -> QuarryError? {
    refusal(arguments, files: files)
  }

  private func refusal(_ arguments: [String], files: [String: String] = [:]) -> QuarryError? {
    #expect(throws: QuarryError.self) {
      let folder = TemporaryDirectory()
      for (name, text) in files.merging(["list.ts": ""], uniquingKeysWith: { left, _ in left }) {
        try text.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
      }
      let context = CommandContext(environment: [:], workingDirectory: folder.path, console: .silent)
      let executor = arguments.contains("--executor") ? [] : ["--executor", "/bin/true"]
      let command = try QuarryProgram.command(["run"] + executor + arguments)
      _ = try RunSettings(try #require(command as? RunCommand), in: context)
    }
  }

  @Test func defaultsAreTheDocumentedOnes() throws {
    let settings = try settings()
    #expect(settings.source == "list")
    #expect(settings.category == "default")
    #expect(settings.job == "{}")
    #expect(settings.policy == .strict)
    #expect(settings.identity.attempt == 1)
    #expect(settings.identity.runID.count == 36)
    #expect(settings.storage.path.hasSuffix("/quarry-data"))
    #expect(settings.storage.dataset == "quarry")
    #expect(settings.storage.isDurable)
    #expect(settings.storage.isDefault)
    #expect(settings.fanOut == nil)
  }

  @Test func configurationStandsBehindFlags() throws {
    let yaml = """
      source: conf
      category: ${HERE}
      policy: { name: streaming, flush_count: 7 }
      storage: { path: data, dataset: d2, durability: none, checksum: md5, compression: zstd }
      """
    let configured = try settings("--config", "q.yaml", files: ["q.yaml": yaml])
    #expect(configured.source == "conf")
    #expect(configured.category == "expanded")
    #expect(configured.policy.text == "streaming flush-count=7")
    #expect(configured.storage.path.hasSuffix("/data"))
    #expect(!configured.storage.isDefault)
    #expect(!configured.storage.isDurable)
    let flagged = try settings(
      "--config", "q.yaml", "--source", "flag", "--policy", "strict", "--storage-dataset", "d3", files: ["q.yaml": yaml]
    )
    #expect(flagged.source == "flag")
    #expect(flagged.policy == .strict)
    #expect(flagged.storage.dataset == "d3")
  }

  @Test(arguments: [
    ("--proxy-sticky-key", "k"), ("--proxy-domain", "h.test"), ("--proxy-origin", "http://h.test"),
    ("--proxy-strategy", "sticky"),
  ])
  func flagsOfProxiesNeedAPool(_ flag: String, _ value: String) throws {
    let files = ["q.yaml": "proxies: { p: { endpoints: [{ protocol: http, host: h, port: 1 }] } }"]
    func refused(_ more: String...) -> String? {
      refusal(["--script", "list.ts", flag, value] + more, files: files)?.message
    }
    let unnamed = "\(flag) is given, and no proxy pool is named"
    #expect(refused() == "\(flag) is given, and there is no proxy pool")
    #expect(refused("--config", "q.yaml") == unnamed)
    _ = try settings("--config", "q.yaml", "--proxy-pool", "p", flag, value, files: files)
    // A job's own pool takes keys and site of the flags, not their strategy.
    for asking in [["--job", #"{"proxy":{"pool":"p"}}"#], ["--depth", "1", "--max-runs", "2"]] {
      let arguments = ["--config", "q.yaml", flag, value] + asking
      if flag == "--proxy-strategy" {
        #expect(refusal(["--script", "list.ts"] + arguments, files: files)?.message == unnamed)
      } else {
        _ = try settings(arguments, files: files)
      }
    }
  }

  @Test(arguments: ["http://h.test", "h.test:80", "h/x", "a b"]) func aProxyDomainIsAHost(_ domain: String) {
    let error = refusal("--script", "list.ts", "--proxy-domain", domain)
    #expect(error?.message == "--proxy-domain '\(domain)' is not a host")
  }

  @Test(arguments: [
    (#"{"a":[{"id":12345678901234567890}]}"#, "job.a[0].id is 12345678901234567890,"),
    (#"{"b":9007199254740993,"a":-9007199254740993}"#, "job.a is -9007199254740993,"),
    (#"{"a":9007199254740992,"b":1e300,"c":"9007199254740993"}"#, ""),
  ])
  func numbersThatAScriptWouldRoundAreTold(_ job: String, _ told: String) throws {
    let said = Mutex("")
    let console = Console(
      isOutputTerminal: false, isErrorTerminal: false, writeOut: { _ in },
      writeError: { bytes in said.withLock { $0 += String(decoding: bytes, as: UTF8.self) } })
    _ = try settings(["--job", job], console: console)
    let text = said.withLock { $0 }
    #expect(told.isEmpty ? text.isEmpty : text.contains(told), "\(text)")
  }

  @Test func jobIsAnObject() throws {
    #expect(try settings("--job", #"{"b":1,"a":[2.5,null]}"#).job == #"{"a":[2.5,null],"b":1}"#)
    #expect(try settings("--job-json", "j.json", files: ["j.json": "{\"x\":\n1}"]).job == #"{"x":1}"#)
    #expect(try settings("--job-json", "j.json", files: ["j.json": "\u{FEFF}{\"x\":1}"]).job == #"{"x":1}"#)
    let list = refusal("--script", "list.ts", "--job", "[1]")
    #expect(list?.message == "the job (--job) is a list, not an object")
    let broken = refusal("--script", "list.ts", "--job-json", "j.json", files: ["j.json": "{\n\"x\": }"])
    #expect(broken?.message.contains("the job is not JSON (j.json, line 2, column") == true)
    #expect(refusal("--script", "list.ts", "--job-json", "no.json")?.message.contains("No such file") == true)
    let both = refusal("--script", "list.ts", "--job", "{}", "--job-json", "j.json")
    #expect(both?.message == "--job and --job-json are both given")
  }

  @Test func scriptMustBeThere() {
    #expect(refusal()?.message == "no script")
    #expect(refusal("--script", "gone.ts")?.message == "script gone.ts: No such file or directory")
    #expect(refusal("--script", ".")?.message == "script . is not a file")
  }

  @Test func executorMustBeThere() {
    let error = refusal("--script", "list.ts", "--executor", "/no/such")
    #expect(error?.kind == .executor)
    #expect(error?.message == "executor /no/such: No such file or directory")
  }

  @Test func attemptsNeedTheirParent() throws {
    let retry = try settings("--attempt", "2", "--parent-run-id", "r1", "--job-id", "j")
    #expect(retry.identity.parentRunID == "r1")
    #expect(retry.identity.jobID == "j")
    #expect(refusal("--script", "list.ts", "--attempt", "2")?.remedy == "add --parent-run-id ID")
    #expect(refusal("--script", "list.ts", "--parent-run-id", "r1")?.remedy?.contains("--attempt 2") == true)
  }

  @Test func aRunIsNotItsOwnParent() {
    let error = refusal("--script", "list.ts", "--run-id", "me", "--attempt", "2", "--parent-run-id", "me")
    #expect(error?.message == "run 'me' cannot be its own parent")
    #expect(refusal("--script", "list.ts", "--attempt", "2", "--parent-run-id", "..")?.kind == .usage)
  }

  @Test(arguments: ["--run-id", "--source", "--category"])
  func namesArePathSegments(_ flag: String) throws {
    for bad in ["", ".", "..", "a\u{7}b", "line\nbreak", String(repeating: "x", count: 201)] {
      #expect(refusal("--script", "list.ts", flag, bad)?.kind == .usage, "\(flag) '\(bad)'")
    }
    for good in ["a/b", "../x", "with space", "übergröße", "日本", "a%b"] {
      _ = try settings(flag, good)
    }
  }

  @Test func aBufferedPolicyComesFromFlagsAndFile() throws {
    let yaml = "policy: { name: buffered, buffer_events: 9, buffer_bytes: 100, flush_mode: two_phase }\n"
    let configured = try settings("--config", "q.yaml", files: ["q.yaml": yaml])
    #expect(configured.policy.text == "buffered buffer-events=9 buffer-bytes=100 flush-mode=two_phase")
    let flagged = try settings(
      "--config", "q.yaml", "--buffer-events", "5", "--flush-mode", "chunks_first", files: ["q.yaml": yaml])
    #expect(flagged.policy.text == "buffered buffer-events=5 buffer-bytes=100 flush-mode=chunks_first")
    let sized = try settings("--policy", "buffered", "--buffer-bytes", "512k")
    #expect(sized.policy.text == "buffered buffer-bytes=524288")
    let file = try settings(
      "--config", "q.yaml", files: ["q.yaml": "policy: { name: buffered, buffer_bytes: 512MiB }\n"])
    #expect(file.policy.text == "buffered buffer-bytes=536870912")
    let refused = refusal(
      "--script", "list.ts", "--policy", "buffered", "--buffer-events", "5", "--flush-mode", "two_fase")
    #expect(refused?.remedy == "did you mean 'two_phase'?")
  }

  @Test func policyNumbersBelongToThePolicy() throws {
    #expect(
      try settings("--policy", "streaming", "--flush-interval", "1m30s").policy.text
        == "streaming flush-interval=90000ms")
    #expect(refusal("--script", "list.ts", "--policy", "streaming")?.message == "the streaming policy needs a trigger")
    #expect(refusal("--script", "list.ts", "--flush-count", "5")?.remedy?.contains("--policy streaming") == true)
    #expect(
      refusal("--script", "list.ts", "--policy", "streming", "--flush-count", "5")?.remedy
        == "did you mean 'streaming'?")
  }

  @Test func fanOutNeedsABound() throws {
    #expect(try settings("--depth", "2", "--max-runs", "9").fanOut == .init(depth: 2, maximumRuns: 9, parallel: 1))
    #expect(try settings("--depth", "0", "--parallel", "3").fanOut == nil)
    #expect(refusal("--script", "list.ts", "--depth", "1")?.remedy?.contains("--max-runs") == true)
  }

  @Test func storageIsChecked() throws {
    #expect(refusal("--script", "list.ts", "--storage-backend", "s3")?.message == "no bucket to store in")
    #expect(refusal("--script", "list.ts", "--storage-backend", "tape")?.message == "unknown storage backend 'tape'")
    #expect(refusal("--script", "list.ts", "--storage-durability", "maybe")?.kind == .usage)
    let compression = refusal("--script", "list.ts", "--storage-compression", "lz4")
    #expect(compression?.message == "unknown storage compression 'lz4'")
    #expect(compression?.remedy == "use none (the default) or gzip or zstd")
    #expect(refusal("--script", "list.ts", "--storage-checksum", "sha1")?.remedy == "use none (the default) or md5")
    #expect(refusal("--script", "list.ts", "--storage-dataset", "a/b")?.kind == .usage)
    let unset = refusal(
      "--script", "list.ts", "--config", "c.yaml", files: ["c.yaml": "storage: { path: \"${NO}\" }\n"])
    #expect(unset?.remedy?.contains("'storage.path'") == true)
    let path = try settings("--storage-path", ".//./data").storage.path
    #expect(path.hasSuffix("/data") && !path.contains("/./") && !path.contains("//"))
  }

  @Test func browserReuseIsOnUntilFlagOrFileSaysNo() throws {
    #expect(try settings().executor.reusesBrowser)
    #expect(try !settings("--no-browser-reuse").executor.reusesBrowser)
    let files = ["no.yaml": "no_browser_reuse: true\n", "yes.yaml": "no_browser_reuse: false\n"]
    #expect(try !settings("--config", "no.yaml", files: files).executor.reusesBrowser)
    #expect(try settings("--config", "yes.yaml", files: files).executor.reusesBrowser)
    #expect(try !settings("--config", "yes.yaml", "--no-browser-reuse", files: files).executor.reusesBrowser)
  }

  @Test func browserEndpointIsAWebSocket() throws {
    #expect(try settings("--browser-ws-endpoint", "ws://h:1/x").executor.browserEndpoint == "ws://h:1/x")
    #expect(refusal("--script", "list.ts", "--browser-ws-endpoint", "http://h")?.kind == .usage)
  }
}
