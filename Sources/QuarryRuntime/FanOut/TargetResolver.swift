import Glibc

/// Finds the script that an `enqueue` names.
struct TargetResolver: Sendable {
  private let workingDirectory: String
  /// Real paths with a slash at the end: a target is below one of them, whatever links and `..` are on its way.
  private let roots: [String]

  /// - Parameters: absolute paths; targets are scripts below the folder of the first or below the second.
  init(rootScript: String, workingDirectory: String) {
    self.workingDirectory = workingDirectory
    // The root script may be a link: both the folder that it is named in and the one that it lies in are its own.
    roots = [Self.folder(of: rootScript), Self.folder(of: realPath(rootScript) ?? rootScript), workingDirectory]
      .map { realPath($0) ?? $0 }.map { $0.hasSuffix("/") ? $0 : $0 + "/" }
  }

  /// - Returns: the real path of the file, looked for beside the script that emitted it, then in the working directory.
  func script(named target: String, from emitter: String) -> String? {
    guard !target.isEmpty, !target.utf8.contains(0) else { return nil }
    let folders = [Self.folder(of: emitter), workingDirectory]
    let candidates = target.hasPrefix("/") ? [target] : folders.map { "\($0)/\(target)" }
    return candidates.lazy.compactMap(script).first
  }

  private func script(_ path: String) -> String? {
    guard let resolved = realPath(path), roots.contains(where: resolved.hasPrefix) else { return nil }
    var info = stat()
    guard stat(resolved, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
    return resolved
  }

  private static func folder(of path: String) -> String {
    String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }
}
