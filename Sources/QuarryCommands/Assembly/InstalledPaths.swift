import Glibc

/// Where the program lies, and what belongs to it.
enum InstalledPaths {
  /// The real path of the running binary.
  static let executable: String = realPath("/proc/self/exe") ?? CommandLine.arguments[0]

  static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

/// The commit a binary was built from: `make build` writes it beside the binary.
enum BuildCommit {
  /// - Returns: nil when the build has not noted it.
  static func beside(executable: String) -> String? {
    guard let bytes = SmallFile.read(executable + ".commit", limit: 256) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first
    return text.map(String.init)
  }
}
