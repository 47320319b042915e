import Glibc
import QuarryCore
import RedisClient

/// Finds the private Redis of a fleet, or starts it. Blocks; for threads of its own.
struct EmbeddedServer {
  let paths: EmbeddedPaths
  /// The `quarry-shepherd` binary.
  let shepherd: String
  /// Path of `redis-server` or `valkey-server`.
  let program: String

  /// The caller is a participant. Only one looks at a time, so nobody starts a second server.
  /// - Parameter socket: where a server that has to be started shall listen.
  /// - Returns: the path of the socket on which a server answers.
  func ensure(socket: String, until deadline: ContinuousClock.Instant) throws(QuarryError) -> String {
    guard let turn = try FileLock.wait(for: paths.startLock, .exclusive, until: deadline) else {
      throw late("another process has been starting it for too long")
    }
    defer { withExtendedLifetime(turn) {} }
    while ContinuousClock.now < deadline {
      if let presence = try FileLock.take(paths.shepherdLock, .exclusive) {
        try start(on: socket, holding: presence, until: deadline)
        return socket
      }
      if let running = recordedSocket, answers(running) { return running }
      usleep(50_000)
    }
    throw late("its shepherd lives, but the server does not answer")
  }

  /// Whether no shepherd looks after the server. A lock that cannot be looked at tells nothing, and `ensure` says why.
  var isAbandoned: Bool { (try? FileLock.take(paths.shepherdLock, .shared)) != nil }

  private func start(
    on socket: String, holding presence: FileLock, until deadline: ContinuousClock.Instant
  ) throws(QuarryError) {
    try record(socket)
    let launch = ShepherdLaunch(arguments: [shepherd, "redis", paths.participantsLock, socket] + command(socket))
    let report = try launch.run(presence: presence.descriptor, until: deadline)
    guard report == "ready" else { throw late(lastLogLine ?? "no report came from its shepherd") }
  }

  private func command(_ socket: String) -> [String] {
    [
      program, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", paths.state,
      "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction",
      "--daemonize", "no", "--logfile", paths.log,
    ]
  }

  private var lastLogLine: String? {
    guard let file = fopen(paths.log, "re") else { return nil }
    defer { fclose(file) }
    fseek(file, -512, SEEK_END)
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").last.map(String.init)
  }

  private func answers(_ socket: String) -> Bool {
    var options = RedisOptions(name: "quarry-join")
    options.connectTimeout = .seconds(1)
    options.reconnects = false
    let connection = RedisConnection(RedisEndpoint(.unix(path: socket)), options: options)
    defer { connection.close() }
    // How it fails to answer does not matter here.
    return (try? connection.sendBlocking(["PING"], timeout: .seconds(1))) != nil
  }

  private var recordedSocket: String? {
    guard let file = fopen(paths.socketRecord, "re") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 256)
    guard fgets(&buffer, 256, file) != nil else { return nil }
    let text = String(decoding: buffer.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return text.isEmpty ? nil : text
  }

  /// Readers see the old path or the new one, never a part.
  private func record(_ socket: String) throws(QuarryError) {
    let draft = paths.socketRecord + ".new"
    guard let file = fopen(draft, "we") else { throw unwritable(draft) }
    let isWritten = fputs(socket + "\n", file) >= 0
    guard fclose(file) == 0, isWritten, rename(draft, paths.socketRecord) == 0 else { throw unwritable(draft) }
  }

  private func unwritable(_ path: String) -> QuarryError {
    QuarryError(.redis, "cannot write \(path): \(String(cString: strerror(errno)))")
  }

  private func late(_ reason: String) -> QuarryError {
    QuarryError(
      .redis, "the embedded Redis of this fleet did not start: \(reason)",
      remedy: "look into \(paths.log), or give a server with --redis")
  }
}
