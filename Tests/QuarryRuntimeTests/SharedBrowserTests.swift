import Foundation
import QuarryCore
import QuarryRuntime
import TestSupport
import Testing

/// The broker that outlives its starter, on real Node; Chromium begins only with the first page, so none is needed.
@Suite struct SharedBrowserTests {
  /// A runtime folder of the test's own, so that it shares with nobody.
  private let folder = TemporaryDirectory()

  private func browser(proxy: String? = nil, _ more: [String: String] = [:]) -> SharedBrowser {
    var environment = ProcessInfo.processInfo.environment.filter { ["PATH", "HOME", "QUARRY_NODE"].contains($0.key) }
    environment["XDG_RUNTIME_DIR"] = folder.path
    environment["QUARRY_BROWSER_IDLE_TIMEOUT"] = "600"
    environment.merge(more) { $1 }
    let program = ExecutorProgram(
      path: BuiltProducts.root + "/executor-node/bin/quarry-browser", environment: environment,
      shepherd: ProcessTree.shepherd)
    return SharedBrowser(program: program, proxy: proxy)
  }

  private var recordPath: String { folder.path + "/quarry/browser.json" }

  private func record() throws -> JSONValue {
    try JSONParser.parse(String(contentsOfFile: recordPath, encoding: .utf8))
  }

  private func brokerPID() throws -> pid_t { pid_t(try #require(try record()["pid"]?.integer)) }

  private func isAlive(_ pid: pid_t) -> Bool { kill(pid, 0) == 0 && state(of: pid) != "Z" }

  private func state(of pid: pid_t) -> String? {
    (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8))?.split(separator: ")").last?
      .split(separator: " ").first.map(String.init)
  }

  /// Ends the broker of the record; its shepherd ends with it.
  private func endBroker() throws {
    let pid = try brokerPID()
    kill(pid, SIGCONT)
    kill(pid, SIGKILL)
  }

  @Test func thoseWhoComeAtOnceShareOne() async throws {
    let browser = browser()
    let endpoints = await withTaskGroup(of: String?.self) { group in
      for _ in 0..<8 { group.addTask { await OwnThread.run { (try? browser.use())?.endpoint } } }
      return await group.reduce(into: [String?]()) { $0.append($1) }
    }
    #expect(endpoints.count == 8)
    #expect(Set(endpoints).count == 1)
    #expect(try record()["ws_endpoint"]?.string == endpoints[0])
    #expect(try record()["proxy_hash"]?.string == "")
    #expect(try record()["started_at"]?.string?.hasSuffix("Z") == true)
    var status = stat()
    #expect(stat(folder.path + "/quarry", &status) == 0 && status.st_mode & 0o777 == 0o700)
    #expect(stat(recordPath, &status) == 0 && status.st_mode & 0o777 == 0o600)
    try endBroker()
  }

  @Test func anotherProxyOrOtherSettingsLeaveItAlone() throws {
    let use = try #require(try browser(proxy: "http://u@p:1").use())
    #expect(try record()["proxy_hash"]?.string?.count == 64)
    #expect(try browser().use() == nil)
    #expect(try browser(proxy: "http://u@p:2").use() == nil)
    #expect(try browser(proxy: "http://u@p:1", ["QUARRY_STEALTH": "0"]).use() == nil)
    #expect(try browser(proxy: "http://u@p:1").use()?.endpoint == use.endpoint)
    try endBroker()
  }

  @Test func itEndsWhenNobodyUsesIt() async throws {
    let browser = browser(["QUARRY_BROWSER_IDLE_TIMEOUT": "2"])
    var use = try browser.use()
    #expect(use != nil)
    let pid = try brokerPID()
    #expect(isAlive(pid))
    use = nil
    #expect(await ProcessWatch.ends(pid))
    let next = try #require(try browser.use())
    #expect(try brokerPID() != pid)
    withExtendedLifetime(next) {}
  }

  @Test(arguments: [SIGKILL, SIGTERM])
  func aDeadOneIsReplaced(_ signal: Int32) async throws {
    let first = try #require(try browser().use())
    let pid = try brokerPID()
    kill(pid, signal)
    #expect(await ProcessWatch.ends(pid))
    let next = try #require(try browser().use())
    #expect(next.endpoint != first.endpoint)
    try endBroker()
  }

  @Test func itDiesWithItsShepherd() async throws {
    let use = try #require(try browser().use())
    let pid = try brokerPID()
    let parent = try #require(
      String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8).split(separator: ")").last?.split(separator: " ")[1])
    kill(try #require(pid_t(parent)), SIGKILL)
    #expect(await ProcessWatch.ends(pid))
    withExtendedLifetime(use) {}
  }

  @Test func aHungOneIsLeftAloneAndForgotten() throws {
    let first = try #require(try browser().use())
    let hung = try brokerPID()
    kill(hung, SIGSTOP)
    let next = try #require(try browser().use(answerLimit: .milliseconds(100)))
    #expect(next.endpoint != first.endpoint)
    #expect(state(of: hung) == "T")
    #expect(try browser().use()?.endpoint == next.endpoint)
    try endBroker()
    kill(hung, SIGKILL)
  }

  /// The number of the process, and the port, may be somebody else's by now: here both are this process' own.
  @Test func aRecordOfTheDeadNamesNobody() throws {
    let foreign = try OneAnswerServer("HTTP/1.1 200 OK\r\n\r\n")
    try FileManager.default.createDirectory(atPath: folder.path + "/quarry", withIntermediateDirectories: false)
    let text = """
      {"ws_endpoint":"ws://127.0.0.1:\(foreign.port)/secret","pid":\(getpid()),"proxy_hash":"","started_at":"2026-01-01T00:00:00Z"}
      """
    try text.write(toFile: recordPath, atomically: false, encoding: .utf8)
    let use = try #require(try browser().use())
    #expect(!use.endpoint.contains(":\(foreign.port)/"))
    try endBroker()
  }

  @Test(arguments: ["", "{", "[]", #"{"pid":1}"#])
  func aRecordThatIsNoneIsReplaced(_ text: String) throws {
    try FileManager.default.createDirectory(atPath: folder.path + "/quarry", withIntermediateDirectories: false)
    try text.write(toFile: recordPath, atomically: false, encoding: .utf8)
    #expect(try browser().use() != nil)
    try endBroker()
  }

  @Test func aFolderThatOthersMadeIsRefused() throws {
    try FileManager.default.createDirectory(atPath: folder.path + "/elsewhere", withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/quarry", withDestinationPath: folder.path + "/elsewhere")
    #expect { try browser().use() } throws: { "\($0)".contains("it belongs to somebody else or is no folder") }
  }

  @Test func aBrokerThatCannotStartSaysWhy() throws {
    #expect { try browser(["QUARRY_BROWSER_IDLE_TIMEOUT": "soon"]).use() } throws: {
      "\($0)".contains("QUARRY_BROWSER_IDLE_TIMEOUT must be a number of seconds above 0")
    }
    #expect { try browser(["QUARRY_NODE": "/none/node"]).use() } throws: {
      "\($0)".contains("it ended before it was ready")
    }
  }
}
