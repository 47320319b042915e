import Glibc
import QuarryCore

/// Where the private Redis of a fleet keeps its things on this machine.
package struct EmbeddedPaths: Sendable, Equatable {
  /// The server's data and the files below; survives everything.
  package let state: String
  /// Where this process would put the socket. A server that already runs may have been started with another
  /// environment: `socketRecord` tells.
  package let socket: String
  private let runtime: String

  /// Held shared by every participant; exclusive by the shepherd while it stops the server.
  package var participantsLock: String { state + "/participants.lock" }
  /// Held while one participant looks for a server and starts it.
  package var startLock: String { state + "/start.lock" }
  /// Held by the shepherd as long as it lives.
  package var shepherdLock: String { state + "/shepherd.lock" }
  /// Holds the path of the running server's socket.
  package var socketRecord: String { state + "/socket" }
  package var log: String { state + "/redis.log" }

  /// - Parameter environment: `XDG_STATE_HOME`, `XDG_RUNTIME_DIR` and `HOME` are looked at.
  /// - Throws: `QuarryError(.usage)` for a fleet's name that cannot be used.
  package init(fleet: String, environment: [String: String]) throws(QuarryError) {
    try RunPartition.validate(fleet, as: "fleet name")
    let name = RunPartition.escape(fleet)
    let stateHome = Self.absolute(environment["XDG_STATE_HOME"]) ?? Self.home(environment) + "/.local/state"
    state = "\(stateHome)/quarry/fleets/\(name)"
    runtime = Self.runtimeFolder(environment)
    // Fleets of the same name with different data must not share a socket; a unix socket's path has 107 bytes.
    let identity = Fingerprint.ofContent(Array(state.utf8)).prefix(16)
    let readable = "\(runtime)/\(name)-\(identity.prefix(8)).sock"
    socket = readable.utf8.count <= 107 ? readable : "\(runtime)/\(identity).sock"
  }

  /// Makes the folders, for this user alone.
  package func prepare() throws(QuarryError) {
    try Self.makeFolders(state)
    try Self.makeFolders(runtime)
    var status = stat()
    guard lstat(runtime, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid() else {
      throw QuarryError(
        .redis, "\(runtime) is not a folder of this user, so the embedded Redis cannot have its socket there",
        remedy: "set XDG_RUNTIME_DIR to a folder that only you can write")
    }
    if status.st_mode & 0o077 != 0, chmod(runtime, 0o700) != 0 { throw Self.failure("protect", runtime) }
    guard socket.utf8.count <= 107 else {
      throw QuarryError(
        .redis, "the path of the embedded Redis' socket is too long: \(socket)",
        remedy: "set XDG_RUNTIME_DIR to a shorter path")
    }
  }

  private static func runtimeFolder(_ environment: [String: String]) -> String {
    if let folder = absolute(environment["XDG_RUNTIME_DIR"]), access(folder, W_OK | X_OK) == 0 {
      return folder + "/quarry"
    }
    return "/tmp/quarry-\(getuid())"
  }

  private static func absolute(_ path: String?) -> String? {
    guard let path, path.hasPrefix("/") else { return nil }
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  private static func home(_ environment: [String: String]) -> String {
    if let home = absolute(environment["HOME"]) { return home }
    guard let entry = getpwuid(getuid()) else { return "/" }
    return String(cString: entry.pointee.pw_dir)
  }

  private static func makeFolders(_ path: String) throws(QuarryError) {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/" + part
      guard mkdir(made, 0o700) == 0 || errno == EEXIST else { throw failure("make the folder", made) }
    }
  }

  private static func failure(_ verb: String, _ path: String) -> QuarryError {
    QuarryError(
      .redis, "cannot \(verb) \(path): \(String(cString: strerror(errno)))",
      remedy: "set XDG_STATE_HOME or XDG_RUNTIME_DIR to a folder that you can write, or give a server with --redis")
  }
}
