import Glibc
import QuarryCore

/// The script that a command names.
enum ScriptFile {
  /// - Returns: the absolute path.
  /// - Throws: `QuarryError(.usage)` when there is no such file.
  static func require(_ given: String?, in context: CommandContext) throws(QuarryError) -> String {
    guard let given, !given.isEmpty else {
      throw QuarryError(.usage, "no script", remedy: "name it with --script FILE")
    }
    let path = context.absolute(given)
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw QuarryError(
        .usage, "script \(given): \(String(cString: strerror(errno)))", remedy: "looked for it at \(path)")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw QuarryError(.usage, "script \(given) is not a file", remedy: "name the script itself with --script FILE")
    }
    return path
  }
}
