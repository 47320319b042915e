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
    let process: pid_t
    do {
      defer { close(ends[1]) }
      process = try Spawner.start(
        arguments[0], arguments: Array(arguments.dropFirst()), environment: ProcessEnvironment.ofServers,
        descriptors: [0, ends[1], 2, presence])
    } catch { throw failure(error.code) }
    // The started process only forks the one that stays.
    while waitpid(process, nil, 0) < 0, errno == EINTR {}
    return readLine(ends[0], until: deadline)
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
