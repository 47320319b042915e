import Glibc
import QuarryCore

/// The server program of this machine.
enum RedisProgram {
  /// The first `redis-server`, else the first `valkey-server`, in the folders of a PATH.
  static func find(searchPath: String) throws(QuarryError) -> String {
    let folders = searchPath.split(separator: ":")
    for name in ["redis-server", "valkey-server"] {
      for folder in folders where access("\(folder)/\(name)", X_OK) == 0 { return "\(folder)/\(name)" }
    }
    throw QuarryError(
      .redis, "no --redis was given, and redis-server is not installed (it is not in the PATH)",
      remedy: "install it (Debian: apt install redis-server), or give a server: --redis redis://host:6379")
  }
}

/// What this process was started with.
enum ProcessEnvironment {
  static var current: [String: String] { values(of: ["XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME", "PATH"]) }

  /// All that a server needs which outlives the process that starts it: no password of a configuration.
  static var ofServers: [String: String] {
    values(of: ["HOME", "PATH", "TMPDIR", "TZ", "LANG", "LC_ALL", "LD_LIBRARY_PATH"])
  }

  private static func values(of names: [String]) -> [String: String] {
    names.reduce(into: [:]) { all, name in
      if let value = getenv(name) { all[name] = String(cString: value) }
    }
  }

  /// The path of a program that lies beside this one.
  static func sibling(_ name: String) -> String {
    guard let path = realpath("/proc/self/exe", nil) else { return name }
    defer { free(path) }
    let own = String(cString: path)
    return String(own[...(own.lastIndex(of: "/") ?? own.startIndex)]) + name
  }
}
