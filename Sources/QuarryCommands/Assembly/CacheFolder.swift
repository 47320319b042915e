/// Where what can be made again is kept for this user: `$XDG_CACHE_HOME/quarry`, else `~/.cache/quarry`.
enum CacheFolder {
  /// - Returns: nil where the environment names no folder; a relative one counts for nothing, as XDG has it.
  static func path(_ environment: [String: String]) -> String? {
    if let folder = absolute(environment["XDG_CACHE_HOME"]) { return "\(folder)/quarry" }
    return absolute(environment["HOME"]).map { "\($0)/.cache/quarry" }
  }

  private static func absolute(_ path: String?) -> String? {
    guard let path, path.hasPrefix("/") else { return nil }
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }
}
