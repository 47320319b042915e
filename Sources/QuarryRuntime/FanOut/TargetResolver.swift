import Glibc

/// Finds the script that an `enqueue` names.
struct TargetResolver: Sendable {
  let workingDirectory: String

  /// - Returns: the real path of the file, looked for beside the script that emitted it, then in the working directory.
  func script(named target: String, from emitter: String) -> String? {
    guard !target.isEmpty, !target.utf8.contains(0) else { return nil }
    let directory = emitter.lastIndex(of: "/").map { String(emitter[..<$0]) } ?? workingDirectory
    let candidates = target.hasPrefix("/") ? [target] : ["\(directory)/\(target)", "\(workingDirectory)/\(target)"]
    return candidates.lazy.compactMap(Self.realFile).first
  }

  private static func realFile(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    var info = stat()
    guard stat(resolved, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
    return String(cString: resolved)
  }
}
