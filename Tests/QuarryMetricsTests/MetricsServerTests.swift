import Glibc
import QuarryCore
import QuarryMetrics
import Synchronization
import TestSupport
import Testing

/// The server of metrics on real sockets, with clients of all manners.
@Suite(.timeLimit(.minutes(5))) struct MetricsServerTests {
  private static let loopback = MetricsAddress.tcp(host: "127.0.0.1", port: 0)

  private func server(
    at address: MetricsAddress = loopback, lines: Int = 1, patience: Duration = .seconds(60),
    health: @escaping @Sendable () -> String? = { nil }
  ) throws -> MetricsServer {
    MetricsServer(
      try MetricsListener(address),
      collect: {
        let values = (0..<lines).map { ("\($0)", 1.0) }
        return [MetricFamily(.gauge, "up", "One.", by: "line", values)]
      }, health: health, patience: patience)
  }

  @Test func metricsAndHealthAreAnswered() async throws {
    let ailment = Mutex<String?>(nil)
    let server = try server { ailment.withLock { $0 } }
    defer { server.stop() }
    let answer = try await MetricsReader.get(server.address, "/metrics?name=up")
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(answer.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
    #expect(answer.hasSuffix("\r\n\r\n# HELP up One.\n# TYPE up gauge\nup{line=\"0\"} 1\n"))
    #expect(try await MetricsReader.get(server.address, "/healthz").hasSuffix("\r\n\r\nok\n"))
    ailment.withLock { $0 = "Redis does not answer" }
    let ill = try await MetricsReader.get(server.address, "/healthz")
    #expect(ill.hasPrefix("HTTP/1.1 503 ") && ill.hasSuffix("\r\n\r\nRedis does not answer\n"))
  }

  @Test func aHeadIsTheSameWithoutABody() async throws {
    let server = try server()
    defer { server.stop() }
    let head = try await MetricsReader.ask(server.address, "HEAD /metrics HTTP/1.0\r\n\r\n")
    #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.contains("Content-Length: 46\r\n"))
    #expect(head.hasSuffix("\r\n\r\n"))
  }

  @Test(arguments: [
    ("GET /other HTTP/1.1\r\n\r\n", 404), ("POST /metrics HTTP/1.1\r\n\r\n", 405), ("hello\r\n\r\n", 400),
    ("\r\n\r\n", 400), ("\u{16}\u{3}\u{1}\n\n", 400),
    ("GET /metrics HTTP/1.1\r\nX: " + String(repeating: "x", count: 20_000), 431),
  ])
  func whatIsNoRequestIsRefused(_ request: String, _ status: Int) async throws {
    let server = try server()
    defer { server.stop() }
    #expect(try await MetricsReader.ask(server.address, request).hasPrefix("HTTP/1.1 \(status) "))
  }

  /// Some say half a request, some nothing, some go in the middle, one never reads what it asked for.
  @Test func whoIsSlowOrRudeHoldsUpNobody() async throws {
    let server = try server(lines: 200_000)
    defer { server.stop() }
    let half = try MetricsReader.connect(server.address)
    half.send("GET /metr")
    let deaf = try MetricsReader.connect(server.address)
    deaf.send("GET /metrics HTTP/1.1\r\n\r\n")
    for _ in 0..<20 { try MetricsReader.connect(server.address).send("GET /metrics HTTP/1.1\r\n\r\n") }
    let silent = try (0..<30).map { _ in try MetricsReader.connect(server.address) }
    for _ in 0..<3 {
      let answer = try await MetricsReader.get(server.address, "/metrics")
      #expect(answer.hasSuffix("up{line=\"199999\"} 1\n"))
    }
    // The one that hesitated is served as well.
    half.send("ics HTTP/1.1\r\n\r\n")
    #expect(await half.readAll().hasPrefix("HTTP/1.1 200 OK"))
    withExtendedLifetime((deaf, silent)) {}
  }

  @Test func whenThereAreTooManyTheOldestGoes() async throws {
    let server = try server()
    defer { server.stop() }
    let first = try MetricsReader.connect(server.address)
    let others = try (0..<80).map { _ in try MetricsReader.connect(server.address) }
    #expect(try await MetricsReader.get(server.address, "/healthz").hasPrefix("HTTP/1.1 200 OK"))
    #expect(await first.readAll() == "")
    withExtendedLifetime(others) {}
  }

  @Test func whoeverIsMuteIsDroppedInTheEnd() async throws {
    let server = try server(patience: .milliseconds(300))
    defer { server.stop() }
    let mute = try MetricsReader.connect(server.address)
    mute.send("GET ")
    #expect(await mute.readAll() == "")
  }

  @Test func anAddressInUseIsRefusedByName() async throws {
    let server = try server()
    defer { server.stop() }
    let error = #expect(throws: QuarryError.self) { try MetricsListener(server.address) }
    #expect(error?.kind == .usage && error?.message.contains("\(server.address): it is in use") == true)
    #expect(error?.remedy?.contains("--metrics-addr") == true)
  }

  @Test func aUnixSocketIsTakenOverFromTheDeadAndGoesWithItsServer() async throws {
    let folder = TemporaryDirectory()
    let address = MetricsAddress.unix(path: folder.path + "/m")
    do {
      let first = try server(at: address)
      #expect(try await MetricsReader.get(address, "/healthz").hasSuffix("ok\n"))
      #expect(throws: QuarryError.self) { try MetricsListener(address) }
      first.stop()
    }
    while access(folder.path + "/m", F_OK) == 0 { await Task.yield() }
    // What a killed process leaves.
    let left = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: (folder.path + "/m").utf8) }
    let status = withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(left, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(status == 0)
    close(left)
    let second = try server(at: address)
    defer { second.stop() }
    #expect(try await MetricsReader.get(address, "/healthz").hasSuffix("ok\n"))
  }
}
