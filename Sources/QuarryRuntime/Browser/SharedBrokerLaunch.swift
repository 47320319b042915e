import Glibc
import QuarryCore

/// Starts a broker that outlives this process, under a shepherd of its own.
struct SharedBrokerLaunch {
  let program: ExecutorProgram

  /// - Parameters:
  ///   - presence: a locked descriptor that the shepherd keeps while the broker lives.
  ///   - deadline: in nanoseconds of `BootClock`.
  /// - Returns: where the broker listens, and its process id.
  func run(presence: Int32, until deadline: UInt64) throws(QuarryError) -> (endpoint: String, pid: Int64) {
    try program.check()
    let report = try Pipe()
    let null = Descriptor(owning: open("/dev/null", O_RDWR | O_CLOEXEC))
    do {
      let starter = try Spawner.start(
        program.shepherd.path, arguments: ["keep", "--", program.path, "--shared"], environment: program.environment,
        descriptors: [null.number, report.writing.number, null.number, presence])
      // The started process only forks the one that stays.
      while waitpid(starter, nil, 0) < 0, errno == EINTR {}
    } catch {
      throw failure("its supervisor cannot be started: \(errorText(error.code))")
    }
    let line = try readLine(closing(report), until: deadline)
    // A line that cannot be read is as good as none: the broker ended before it had said anything.
    let answer = try? JSONParser.parse(line)
    guard let endpoint = answer?["ws_endpoint"]?.string, let pid = answer?["pid"]?.integer else {
      throw failure(answer?["error"]?.string ?? "it ended before it was ready")
    }
    return (endpoint, pid)
  }

  /// The end that is read; the other one is then the broker's alone, so that its death shows.
  private func closing(_ pipe: consuming Pipe) -> Descriptor { pipe.reading }

  private func readLine(_ pipe: consuming Descriptor, until deadline: UInt64) throws(QuarryError) -> [UInt8] {
    var line: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1024)
    while line.last != UInt8(ascii: "\n") {
      let now = BootClock.now()
      var wait = pollfd(fd: pipe.number, events: Int16(POLLIN), revents: 0)
      let left = deadline > now ? (deadline - now) / 1_000_000 + 1 : 0
      let ready = poll(&wait, 1, Int32(clamping: left))
      if ready < 0, errno == EINTR { continue }
      guard ready > 0 else { throw failure("it was not ready in time") }
      let count = read(pipe.number, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      line += chunk[..<count]
    }
    return line
  }

  private func failure(_ reason: String) -> QuarryError {
    QuarryError(
      .executor, "the shared browser did not start: \(reason)",
      remedy: "run scripts/setup, or use --no-browser-reuse")
  }
}
