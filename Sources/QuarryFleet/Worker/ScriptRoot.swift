import Glibc
import QuarryCore

/// The folder under which all scripts of a fleet lie on this machine. Targets are relative to it, so that all
/// machines agree on what a task runs.
package struct ScriptRoot: Sendable, Equatable {
  /// Absolute, links resolved, no slash at the end.
  package let path: String

  /// - Throws: `QuarryError(.usage)` when the folder is missing.
  package init(_ path: String) throws(QuarryError) {
    guard let resolved = Self.resolve(path), Self.isDirectory(resolved) else {
      throw QuarryError(
        .usage, "the script root '\(path)' is not a folder", remedy: "Give an existing folder with --script-root.")
    }
    self.path = resolved == "/" ? "" : resolved
  }

  /// The target that an `enqueue` means: looked for beside the script that emitted it, then under the root.
  /// - Returns: a path relative to the root where there is such a file; else the first reading that stays inside;
  ///   else the text as it came, which no worker will run.
  package func target(_ text: String, emittedBy emitter: String) -> String {
    let folder = emitter.split(separator: "/").dropLast().joined(separator: "/")
    let readings = [Self.normalise(text, in: folder, root: path), Self.normalise(text, in: "", root: path)]
    let inside = readings.compactMap { $0 }
    return inside.first(where: isFile) ?? inside.first ?? text
  }

  private func isFile(_ target: String) -> Bool {
    // Why it is none is said when the task is run.
    (try? file(of: target)) != nil
  }

  /// The script's file.
  /// - Throws: `QuarryError(.usage)` when the target is outside the root, also through a link, or is not a file.
  package func file(of target: String) throws(QuarryError) -> String {
    guard let relative = Self.normalise(target, in: "", root: path) else {
      throw QuarryError(.usage, "script '\(target)' is outside the script root '\(path)'")
    }
    guard let resolved = Self.resolve(path + "/" + relative), !Self.isDirectory(resolved) else {
      throw QuarryError(.usage, "script '\(target)' is not a file under the script root '\(path)'")
    }
    guard resolved.hasPrefix(path + "/") else {
      throw QuarryError(.usage, "script '\(target)' leads outside the script root '\(path)'")
    }
    return resolved
  }

  /// The path of a script that a person named: relative to the working directory, or to the root.
  /// - Throws: as `file(of:)`.
  package func target(named text: String) throws(QuarryError) -> String {
    if let resolved = Self.resolve(text), resolved.hasPrefix(path + "/") {
      return String(resolved.dropFirst(path.count + 1))
    }
    _ = try file(of: text)
    return Self.normalise(text, in: "", root: path) ?? text
  }

  /// SHA-256 of the script's bytes in hex.
  /// - Throws: as `file(of:)`, or when it cannot be read.
  package func contentHash(of target: String) throws(QuarryError) -> String {
    let file = try file(of: target)
    guard let bytes = Self.read(file) else {
      throw QuarryError(.usage, "script '\(file)' cannot be read: \(String(cString: strerror(errno)))")
    }
    return Fingerprint.ofContent(bytes)
  }

  /// Tells whether a script may have changed since it was read.
  package struct Stamp: Sendable, Equatable {
    var inode: UInt
    var size: Int
    var seconds: Int
    var nanoseconds: Int
  }

  /// - Throws: as `file(of:)`.
  package func stamp(of target: String) throws(QuarryError) -> Stamp {
    let file = try file(of: target)
    var info = stat()
    guard stat(file, &info) == 0 else {
      throw QuarryError(.usage, "script '\(file)' cannot be read: \(String(cString: strerror(errno)))")
    }
    return Stamp(
      inode: UInt(info.st_ino), size: info.st_size, seconds: info.st_mtim.tv_sec, nanoseconds: info.st_mtim.tv_nsec)
  }

  /// Endings of what Node can run.
  private static let endings = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"]
  private static let mostNeighbours = 200

  /// Content hashes, by target, of a script and of those in the same folder, which it is likely to enqueue.
  /// - Throws: as `contentHash(of:)`, for the script itself.
  package func contentHashes(around target: String) throws(QuarryError) -> [String: String] {
    var hashes = [target: try contentHash(of: target)]
    let folder = target.split(separator: "/").dropLast().map { $0 + "/" }.joined()
    for name in Self.names(in: path + "/" + folder).sorted() where hashes.count < Self.mostNeighbours {
      guard Self.endings.contains(where: name.hasSuffix) else { continue }
      // A neighbour that cannot be read is not named here; whoever runs it says why it cannot.
      if let hash = try? contentHash(of: folder + name) { hashes[folder + name] = hash }
    }
    return hashes
  }

  private static func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return names
  }

  /// - Returns: the path without `.` and `..`, relative to the root; nil when it leads outside or is empty.
  private static func normalise(_ text: String, in folder: String, root: String) -> String? {
    var base = folder
    var rest = Substring(text)
    if text.hasPrefix("/") {
      guard text.hasPrefix(root + "/") else { return nil }
      base = ""
      rest = text.dropFirst(root.count + 1)
    }
    var parts: [Substring] = []
    for part in base.split(separator: "/") + rest.split(separator: "/") where part != "." {
      guard part == ".." else {
        parts.append(part)
        continue
      }
      guard parts.popLast() != nil else { return nil }
    }
    return parts.isEmpty || text.contains("\0") ? nil : parts.joined(separator: "/")
  }

  private static func resolve(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func isDirectory(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
  }

  private static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { return ferror(file) == 0 ? bytes : nil }
      bytes += chunk[..<count]
    }
  }
}
