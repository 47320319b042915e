import Glibc
import QuarryCore

/// The process that holds the lock (flock) on a file, as far as this machine's kernel tells: not one of another machine,
/// nor one outside of this container.
struct LockHolder {
  let pid: pid_t
  let name: String
  /// Stopped by a signal or a debugger: it goes on when it is told to.
  let isStopped: Bool

  init?(of path: String) {
    guard let pid = Self.pid(path), pid > 0 else { return nil }
    self.pid = pid
    // `pid (name) state …`, where a name may hold anything.
    let status = Self.text("/proc/\(pid)/stat")
    guard let open = status.firstIndex(of: "("), let close = status.lastIndex(of: ")"), open < close else { return nil }
    name = String(status[status.index(after: open)..<close])
    isStopped = ["T", "t"].contains(status[status.index(after: close)...].split(separator: " ").first)
  }

  /// What to tell somebody who looks on while a commit waits.
  static func note(_ layout: DatasetLayout) -> String {
    "waiting to commit to \(layout.folder): \(layout.lock) is locked by \(LockHolder(of: layout.lock)?.words ?? unknown)"
  }

  private static let unknown = "another process, perhaps on another machine"

  private var words: String { "process \(pid) (\(name))\(isStopped ? ", which is stopped" : "")" }

  /// What to tell somebody whose commit has waited in vain.
  static func error(_ layout: DatasetLayout, after time: Duration) -> QuarryError {
    let seconds = Double(time.milliseconds) / 1_000
    let what = "cannot commit to \(layout.folder): \(layout.lock) stayed locked for \(seconds) s"
    guard let holder = LockHolder(of: layout.lock) else {
      return QuarryError(
        .storage, "\(what) by \(unknown)",
        remedy: "see who holds it: fuser -v '\(layout.lock)'")
    }
    let end = "end it: kill -KILL \(holder.pid) (what it has acknowledged stays)"
    return QuarryError(
      .storage, "\(what) by \(holder.words)",
      remedy: holder.isStopped ? "let it go on: kill -CONT \(holder.pid), or \(end)" : "wait for it, or \(end)")
  }

  /// Lines of `/proc/locks`: `1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF`, numbers of the device in hexadecimal;
  /// after those who hold it, `1: -> …` for those who wait.
  private static func pid(_ path: String) -> pid_t? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    let device = UInt64(status.st_dev)
    let number = [(device >> 8) & 0xfff | (device >> 32) & ~0xfff, device & 0xff | (device >> 12) & ~0xff]
    for line in text("/proc/locks").split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count > 5, fields[1] == "FLOCK" else { continue }
      let place = fields[5].split(separator: ":")
      guard place.count == 3, ino_t(place[2]) == status.st_ino else { continue }
      if place.prefix(2).map({ UInt64($0, radix: 16) }) == number { return pid_t(fields[4]) }
    }
    return nil
  }

  /// A file of `/proc`, which comes a page at a time; empty when it cannot be read: then nothing is told of it.
  private static func text(_ path: String) -> String {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes: [UInt8] = []
    var page = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = read(file, &page, page.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += page[..<count]
    }
  }
}
