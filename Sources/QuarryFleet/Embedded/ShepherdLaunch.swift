import Glibc
import QuarryCore

/// Starts a shepherd that outlives this process.
struct ShepherdLaunch {
  let arguments: [String]

  /// - Parameter presence: a descriptor that the shepherd keeps as its fd 3.
  /// - Returns: the one line that it reports, without the newline; empty when it ended or was late.
  func run(presence: Int32, until deadline: ContinuousClock.Instant) throws(QuarryError) -> String {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw failure(errno) }
    defer { close(ends[0]) }
    let (process, status) = spawn(report: ends[1], presence: presence)
    close(ends[1])
    guard status == 0 else { throw failure(status) }
    // The started process only forks the one that stays.
    while waitpid(process, nil, 0) < 0, errno == EINTR {}
    return readLine(ends[0], until: deadline)
  }

  private func spawn(report: Int32, presence: Int32) -> (pid_t, Int32) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, report, 1)
    posix_spawn_file_actions_adddup2(&actions, presence, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A thread of a pool has most signals blocked, and a child would inherit that.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var argv = arguments.map { strdup($0) } + [nil]
    defer { for pointer in argv { free(pointer) } }
    var process: pid_t = 0
    let status = posix_spawn(&process, arguments[0], &actions, &attributes, &argv, environ)
    return (process, status)
  }

  private func readLine(_ descriptor: Int32, until deadline: ContinuousClock.Instant) -> String {
    var line: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 256)
    while !line.contains(10) {
      let left = max(.zero, deadline - ContinuousClock.now)
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&wait, 1, Int32(clamping: left.milliseconds)) > 0 else { break }
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      line += chunk[..<count]
    }
    return String(decoding: line.prefix { $0 != 10 }, as: UTF8.self)
  }

  private func failure(_ number: Int32) -> QuarryError {
    QuarryError(
      .redis, "cannot start \(arguments[0]): \(String(cString: strerror(number)))",
      remedy: "quarry-shepherd must lie beside the quarry binary: build it with `swift build`")
  }
}
