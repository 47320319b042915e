import Glibc

/// Where the program lies, and what belongs to it.
enum InstalledPaths {
  static let executorBelowRoot = "executor-node/bin/quarry-executor"
  static let probeBelowRoot = "executor-node/probe.ts"

  /// The real path of the running binary.
  static let executable: String = realPath("/proc/self/exe") ?? CommandLine.arguments[0]

  /// The executor of this installation: the nearest one upwards from the binary.
  static let executor: String? = below(folder(of: executable), executorBelowRoot)

  /// The script that tries an executor.
  static let probe: String? = below(folder(of: executable), probeBelowRoot)

  static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// `/a/b` of `/a/b/c`; empty for what lies in the root folder.
  static func folder(of path: String) -> String {
    String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }

  /// What lies at `relative` in the nearest folder from `start` upwards that has it.
  static func below(_ start: String, _ relative: String) -> String? {
    var folder = start
    while !folder.isEmpty {
      let candidate = folder + "/" + relative
      if access(candidate, F_OK) == 0 { return candidate }
      folder = Self.folder(of: folder)
    }
    return nil
  }
}
