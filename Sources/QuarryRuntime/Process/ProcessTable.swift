import Glibc

/// The machine's processes and their parents, at one moment.
struct ProcessTable {
  struct Row {
    let pid: pid_t
    let parent: pid_t
    /// As `/proc` says it: R, S, D, T, Z …
    let state: UInt8

    /// Not dead and waiting to be reaped.
    var isAlive: Bool { !"ZX".utf8.contains(state) }

    /// Neither stopped nor dead.
    var canFork: Bool { "RSD".utf8.contains(state) }
  }

  private let rows: [Row]

  static func read() -> ProcessTable {
    guard let folder = opendir("/proc") else { return ProcessTable(rows: []) }
    defer { closedir(folder) }
    var rows: [Row] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let pid = pid_t(name), let row = row(of: pid) { rows.append(row) }
    }
    return ProcessTable(rows: rows)
  }

  func children(of parent: pid_t) -> [pid_t] { rows.filter { $0.parent == parent }.map(\.pid) }

  /// The given processes and all of their descendants.
  func below(_ roots: [pid_t]) -> [Row] {
    let children = Dictionary(grouping: rows, by: \.parent)
    var found = rows.filter { roots.contains($0.pid) }
    var next = 0
    while next < found.count {
      found += children[found[next].pid] ?? []
      next += 1
    }
    return found
  }

  /// Whether another living process than `process` is its child or the child of `parent`, its own parent. Who loses its
  /// parent falls to `parent`, so that a descendant anywhere shows as one of these. True also where nothing can be seen.
  func hasDescendants(_ process: pid_t, below parent: pid_t) -> Bool {
    rows.isEmpty || rows.contains { $0.pid != process && $0.isAlive && [process, parent].contains($0.parent) }
  }

  /// In bytes; nil when there is no such process.
  static func residentMemory(of process: pid_t) -> Int? {
    guard let text = contents("/proc/\(process)/statm") else { return nil }
    let words = text.split(separator: UInt8(ascii: " "))
    guard words.count > 1, let pages = Int(String(decoding: words[1], as: UTF8.self)) else { return nil }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Whether the program is `quarry-shepherd`, or the one that asks.
  static func isOurs(_ pid: pid_t) -> Bool {
    guard let program = program(of: "\(pid)") else { return false }
    // A program that was replaced since shows as `… (deleted)`.
    return program.split(separator: "/").last?.hasPrefix("quarry-shepherd") == true
      || program == self.program(of: "self")
  }

  /// Nil for what is dead, or another user's.
  private static func program(of process: String) -> String? {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/\(process)/exe", &path, path.count)
    guard count > 0 else { return nil }
    return String(decoding: path[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// `PID (NAME) STATE PARENT …`; the name may hold anything, so the last parenthesis counts.
  private static func row(of pid: pid_t) -> Row? {
    guard let text = contents("/proc/\(pid)/stat"), let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let words = text[(end + 1)...].split(separator: UInt8(ascii: " "))
    guard words.count > 1, let state = words[0].first, let parent = pid_t(String(decoding: words[1], as: UTF8.self))
    else { return nil }
    return Row(pid: pid, parent: parent, state: state)
  }

  /// The first KiB of a small file; nil when it cannot be read.
  private static func contents(_ path: String) -> [UInt8]? {
    let file = Descriptor(owning: open(path, O_RDONLY | O_CLOEXEC))
    guard file.number >= 0 else { return nil }
    var text = [UInt8](repeating: 0, count: 1024)
    let count = Glibc.read(file.number, &text, text.count)
    return count > 0 ? Array(text[..<count]) : nil
  }
}
