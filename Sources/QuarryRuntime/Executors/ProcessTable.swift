import Glibc

/// Looks at other processes through `/proc`.
enum ProcessTable {
  private static let pageSize = Int64(sysconf(Int32(_SC_PAGESIZE)))

  /// In bytes; nil when there is no such process.
  static func residentMemory(of process: pid_t) -> Int64? {
    read("/proc/\(process)/statm")?.split(separator: " ").dropFirst().first.flatMap { Int64($0) }.map { $0 * pageSize }
  }

  /// Whether another process than `process` is its child or the child of `parent`, its own parent. Who loses its parent
  /// falls to `parent`, so that a descendant anywhere shows as one of these.
  static func hasDescendants(_ process: pid_t, below parent: pid_t) -> Bool {
    guard let directory = opendir("/proc") else { return true }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard let candidate = pid_t(name), candidate != process, let owner = liveParent(of: candidate) else { continue }
      if owner == process || owner == parent { return true }
    }
    return false
  }

  /// Nil for a process that is gone, or dead and not yet reaped.
  private static func liveParent(of process: pid_t) -> pid_t? {
    // The name in parentheses may hold anything, so what counts follows the last one.
    guard let text = read("/proc/\(process)/stat"), let name = text.lastIndex(of: ")") else { return nil }
    let words = text[text.index(after: name)...].split(separator: " ", maxSplits: 2)
    guard words.count > 1, words[0] != "Z", words[0] != "X" else { return nil }
    return pid_t(words[1])
  }

  private static func read(_ path: String) -> String? {
    let file = Descriptor(owning: open(path, O_RDONLY | O_CLOEXEC))
    guard file.number >= 0 else { return nil }
    return withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
      let count = Glibc.read(file.number, buffer.baseAddress, buffer.count)
      return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
  }
}
