import Foundation
import QuarryCore
import TestSupport
import Testing

/// A Redis that a fleet cannot be trusted to is refused with what to change, before anything is written to it.
@Suite struct RedisRefusalTests {
  private func expectRefusal(_ url: String, _ fragments: String...) async throws {
    let harness = try RunHarness()
    try harness.script("root.ts", "export default () => {};\n")
    for command in [["worker"], ["coordinator", "--script", "root.ts"]] {
      let process = try harness.start(
        command + ["--redis", url, "--storage-path", harness.data, "--script-root", harness.path])
      let result = try await process.finish(within: .seconds(30))
      #expect(result.exitCode == 2, "\(command): \(result.standardError)")
      #expect(result.standardOutput.isEmpty)
      for fragment in fragments { #expect(result.standardError.contains(fragment), "\(result.standardError)") }
      #expect(!result.standardError.contains("s3cret"))
    }
  }

  @Test func unreachable() async throws {
    try await expectRefusal("unix:///nonexistent/redis.sock", "/nonexistent/redis.sock")
  }

  @Test func aPasswordFromTheEnvironmentIsUsedAndNeverShown() async throws {
    var options = RedisServer.Options()
    options.password = "r1ght"
    let server = try RedisServer.start(options)
    let harness = try RunHarness()
    for (password, expected) in [("r1ght", "there is no fleet"), ("s3cret", "user and password")] {
      let process = try harness.start(
        ["list", "jobs", "--redis", "unix://\(server.socketPath)"], environment: ["QUARRY_REDIS_PASSWORD": password])
      let result = try await process.finish(within: .seconds(60))
      #expect(result.exitCode == 2 && result.standardError.contains(expected), "\(result.standardError)")
      #expect(!result.standardError.contains(password))
    }
  }

  @Test func addressThatCannotBeRead() async throws {
    try await expectRefusal("http://127.0.0.1", "http")
  }

  /// A variable that is not set: the fleet of this machine alone would be found by nobody else.
  @Test func emptyAddress() async throws {
    let harness = try RunHarness()
    let file = try harness.script("quarry.yaml", "fleet: { redis: \"${QUARRY_TEST_REDIS:-}\" }\n")
    let process = try harness.start(["list", "jobs", "--config", file])
    let result = try await process.finish(within: .seconds(30))
    #expect(result.exitCode == 2)
    #expect(result.standardError.contains("name it as 'fleet.redis' of the configuration"), "\(result.standardError)")
  }

  @Test func wrongPassword() async throws {
    var options = RedisServer.Options()
    options.password = "right"
    let server = try RedisServer.start(options)
    try await expectRefusal("unix://:s3cret@\(server.socketPath)", "password")
    withExtendedLifetime(server) {}
  }

  @Test func evicting() async throws {
    var options = RedisServer.Options()
    options.maxmemoryPolicy = "allkeys-lru"
    let server = try RedisServer.start(options)
    try await expectRefusal(server.url, "allkeys-lru", "noeviction")
    withExtendedLifetime(server) {}
  }

  @Test func whatIsLoadingIsWaitedFor() async throws {
    let server = try RedisServer.start()
    try server.ask("EVAL", "for i = 1, 100000 do redis.call('SET', i, i) end", "0")
    try server.ask("SAVE")
    // Far longer than anybody waits; it is ended below.
    let slowly = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"]
    try server.restart(slowly, ready: "Loading RDB")
    let harness = try RunHarness()
    let process = try harness.start(["list", "jobs", "--redis", server.url])
    try await process.waitForError("is loading its data")
    try server.ask("CONFIG", "SET", "key-load-delay", "0")
    let result = try await process.finish(within: .seconds(60))
    #expect(result.exitCode == 2 && result.standardError.contains("there is no fleet"), "\(result.standardError)")
  }

  @Test func tooOld() async throws {
    let server = try FakeRedis(version: "5.0.14")
    try await expectRefusal(server.url, "5.0.14", "6.2")
    withExtendedLifetime(server) {}
  }
}

/// Answers PING and INFO as a server of another version would; there is no such server to install.
private final class FakeRedis: Sendable {
  let url: String
  private let folder: String
  private let listener: Int32

  init(version: String) throws {
    var template = Array("/tmp/quarry-fake-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw RunningProcess.Failure(description: "mkdtemp") }
    folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    url = "unix://\(folder)/s"
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array("\(folder)/s".utf8)) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { [listener] in
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0, listen(listener, 8) == 0 else { throw RunningProcess.Failure(description: "listen") }
    Thread { [listener] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        Thread { Self.serve(client, version) }.start()
      }
    }.start()
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// One answer for each command; a command is an array whose head line starts with `*`.
  private static func serve(_ client: Int32, _ version: String) {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = read(client, &buffer, buffer.count), count > 0 {
      let text = String(decoding: buffer[..<count], as: UTF8.self)
      for command in text.split(separator: "*") {
        let info = "redis_version:\(version)\r\nmaxmemory_policy:noeviction\r\n"
        let answer =
          command.contains("INFO")
          ? "$\(info.utf8.count)\r\n\(info)\r\n" : command.contains("PING") ? "+PONG\r\n" : "+OK\r\n"
        _ = answer.withCString { write(client, $0, strlen($0)) }
      }
    }
    close(client)
  }
}
