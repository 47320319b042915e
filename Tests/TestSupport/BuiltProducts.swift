import Glibc

/// The binaries of the build that these tests belong to.
package enum BuiltProducts {
  package static let quarry = directory + "/quarry"
  package static let shepherd = directory + "/quarry-shepherd"

  /// The folder of the running test binary: products lie side by side.
  package static let directory: String = {
    var path = realPath("/proc/self/exe")
    // The test runner may be a tool of the toolchain that loads the bundle; then the bundle is among its arguments.
    if let bundle = CommandLine.arguments.first(where: { $0.hasSuffix(".xctest") }) { path = realPath(bundle) }
    return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }()

  /// The checkout's root: the nearest folder upwards that holds `Package.swift`.
  package static let root: String = {
    var folder = directory
    while !folder.isEmpty, access(folder + "/Package.swift", R_OK) != 0 {
      folder = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)])
    }
    return folder
  }()

  private static func realPath(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
