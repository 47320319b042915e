import Glibc
import QuarryCore

/// Where the processes of one user find the browser that they share: `browser.json` says where it is, `browser.lock`
/// lets one process at a time look and start.
struct BrowserFolder {
  let path: String
  var record: String { path + "/browser.json" }
  var draft: String { path + "/browser.json.new" }
  private var lock: String { path + "/browser.lock" }

  /// `$XDG_RUNTIME_DIR/quarry`, else `$TMPDIR/quarry-<uid>`.
  init(environment: [String: String]) {
    if let runtime = Self.folder(environment["XDG_RUNTIME_DIR"]) {
      path = runtime + "/quarry"
    } else {
      path = (Self.folder(environment["TMPDIR"]) ?? "/tmp") + "/quarry-\(getuid())"
    }
  }

  /// Makes the folder. In a shared temporary folder anybody may have made it before, so it has to be this user's alone.
  /// - Throws: `QuarryError(.executor)` when it cannot be made or others can get at it.
  func prepare() throws(QuarryError) {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure(errorText(errno)) }
    var status = stat()
    guard lstat(path, &status) == 0 else { throw failure(errorText(errno)) }
    guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid() else {
      throw failure("it belongs to somebody else or is no folder")
    }
    guard status.st_mode & 0o077 == 0 || chmod(path, 0o700) == 0 else { throw failure(errorText(errno)) }
  }

  /// Waits for the lock; a blocking flock could not be given a deadline.
  /// - Returns: the lock, given back when it goes; its holder's death gives it back too.
  /// - Throws: `QuarryError(.executor)` when the deadline, in nanoseconds of `BootClock`, has passed.
  func lock(until deadline: UInt64) throws(QuarryError) -> Descriptor {
    let descriptor = Descriptor(owning: open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600))
    guard descriptor.number >= 0 else { throw failure(errorText(errno)) }
    while flock(descriptor.number, LOCK_EX | LOCK_NB) != 0 {
      guard BootClock.now() < deadline else { throw failure("another process has held browser.lock for too long") }
      usleep(10_000)
    }
    return descriptor
  }

  func failure(_ reason: String) -> QuarryError {
    QuarryError(
      .executor, "no browser can be shared through \(path): \(reason)",
      remedy: "set XDG_RUNTIME_DIR to a folder of your own, or use --no-browser-reuse")
  }

  private static func folder(_ given: String?) -> String? {
    guard let given, given.hasPrefix("/"), access(given, W_OK | X_OK) == 0 else { return nil }
    return given.count > 1 && given.hasSuffix("/") ? String(given.dropLast()) : given
  }
}
