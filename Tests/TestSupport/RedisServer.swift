import Foundation
import Synchronization

/// A real Redis server for one test: on a unix socket in a folder of its own, gone with the test at the latest (also
/// when the test process is killed). Its data survives `kill` and `restart`.
package final class RedisServer: Sendable {
  /// What the server is started with.
  package struct Options: Sendable {
    package var password: String?
    package var maxmemory: String?
    package var maxmemoryPolicy = "noeviction"
    package var appendOnly = false
    /// Also listens on a free TCP port of 127.0.0.1.
    package var listensOnTCP = false
    /// Further options, as on the command line: `["--maxclients", "10"]`.
    package var more: [String] = []

    package init() {}
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
    port = options.listensOnTCP ? try Self.freePort() : 0
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
    port == 0 ? nil : "redis://\(options.password.map { ":\($0)@" } ?? "")127.0.0.1:\(port)"
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
  package func restart() throws {
    kill()
    let next = try ServerProcess(["redis-server"] + arguments, ready: "eady to accept connections")
    process.withLock { $0 = next }
  }

  /// SIGSTOP: connections stay, nothing is answered.
  package func pause() { signal(SIGSTOP) }
  package func resume() { signal(SIGCONT) }

  private func signal(_ number: Int32) {
    if let processID { Foundation.kill(processID, number) }
  }

  private var arguments: [String] {
    var arguments = ["--port", String(port), "--bind", "127.0.0.1", "--unixsocket", socketPath, "--dir", folder]
    arguments += ["--save", "", "--appendonly", options.appendOnly ? "yes" : "no"]
    arguments += ["--maxmemory-policy", options.maxmemoryPolicy]
    if let maxmemory = options.maxmemory { arguments += ["--maxmemory", maxmemory] }
    if let password = options.password { arguments += ["--requirepass", password] }
    return arguments + options.more
  }

  private static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, size) == 0 ? getsockname(descriptor, generic, &size) : -1
      }
    }
    guard status == 0 else { throw Failure(reason: "no free port") }
    return UInt16(bigEndian: address.sin_port)
  }

  package struct Failure: Error, CustomStringConvertible {
    let reason: String
    package var description: String { "redis-server: \(reason)" }
  }
}
