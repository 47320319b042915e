import Glibc
import QuarryCore

/// The program that owns an executor's process tree: it ends with its parent, its deadline or the run.
package struct Shepherd: Sendable, Equatable {
  package let path: String

  /// - Parameter path: the file itself, when it does not lie beside the running binary.
  package init(path: String) { self.path = path }

  /// The shepherd beside the running binary (or beside the test bundle that runs); `QUARRY_SHEPHERD` in the
  /// environment names another.
  /// - Throws: `QuarryError(.executor)` when there is none.
  package static func locate(environment: [String: String]) throws(QuarryError) -> Shepherd {
    if let path = environment["QUARRY_SHEPHERD"], !path.isEmpty { return try check(path) }
    guard let binary = realPath("/proc/self/exe"), let slash = binary.lastIndex(of: "/") else {
      throw QuarryError(.executor, "the running binary's own path cannot be read", remedy: "mount /proc")
    }
    return try check(binary[..<slash] + "/quarry-shepherd")
  }

  private static func check(_ path: String) throws(QuarryError) -> Shepherd {
    guard access(path, X_OK) == 0 else {
      throw QuarryError(
        .executor, "the process supervisor \(path) cannot be run: \(errorText(errno))",
        remedy: "build the whole package (make build) and keep quarry-shepherd beside quarry")
    }
    return Shepherd(path: path)
  }
}

/// The path without links, or nil when it does not exist.
func realPath(_ path: String) -> String? {
  guard let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}
