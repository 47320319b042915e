import Glibc

/// The machine's processes and their parents, at one moment.
package struct ProcessTable {
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

  package static func read() -> ProcessTable { ProcessTable(rows: (numbers(in: "/proc") ?? []).compactMap(row)) }

  package func children(of parent: pid_t) -> [pid_t] { rows.filter { $0.parent == parent }.map(\.pid) }

  /// The children of one process without a look at all others, of which a busy machine has thousands. Nil where the kernel
  /// does not tell (`CONFIG_PROC_CHILDREN`), where there is no such process, or where they change too fast.
  package static func childrenNow(of parent: pid_t) -> [pid_t]? {
    var last = listedChildren(of: parent)
    // A child that ends while the list is read may hide its neighbour, so the list counts when it has been read twice.
    for _ in 0..<4 {
      let now = listedChildren(of: parent)
      if now == last { return now }
      last = now
    }
    return nil
  }

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
  package static func hasDescendants(_ process: pid_t, below parent: pid_t) -> Bool {
    if let own = childrenNow(of: process), let beside = childrenNow(of: parent) {
      return (own + beside).contains { $0 != process && row(of: $0)?.isAlive == true }
    }
    let rows = read().rows
    return rows.isEmpty || rows.contains { $0.pid != process && $0.isAlive && [process, parent].contains($0.parent) }
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

  /// Each thread has a list of the children that it started or that fell to it.
  private static func listedChildren(of parent: pid_t) -> [pid_t]? {
    guard let threads = numbers(in: "/proc/\(parent)/task") else { return nil }
    var all: [pid_t] = []
    for thread in threads {
      guard let text = contents("/proc/\(parent)/task/\(thread)/children") else { return nil }
      all += text.split(separator: UInt8(ascii: " ")).compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
    }
    return all
  }

  /// The entries of a folder that are numbers.
  private static func numbers(in path: String) -> [pid_t]? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var found: [pid_t] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let number = pid_t(name) { found.append(number) }
    }
    return found
  }

  /// Nil when it cannot be read.
  private static func contents(_ path: String) -> [UInt8]? {
    let file = Descriptor(owning: open(path, O_RDONLY | O_CLOEXEC))
    guard file.number >= 0 else { return nil }
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1024)
    while true {
      let count = Glibc.read(file.number, &piece, piece.count)
      if count < 0 { return nil }
      if count < piece.count { return text + piece[..<count] }
      text += piece
    }
  }
}
