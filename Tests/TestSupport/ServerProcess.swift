import Foundation
import Synchronization

/// One run of a server, under a shell that kills it when this process is gone.
final class ServerProcess: Sendable {
  let processID: Int32
  private let shell: Int32
  /// Never written; its end tells the shell that this process is gone.
  private let leash: Int32
  private let ended = DispatchSemaphore(value: 0)

  private static let script = """
    exec 3<&0
    leftovers=$1
    shift
    "$@" </dev/null 3<&- 2>&1 &
    server=$!
    echo "pid $server"
    { while read -r _ <&3; do :; done; kill -9 $server; rm -rf $leftovers; } >/dev/null 2>&1 &
    exec 2>/dev/null
    wait $server
    """

  /// Returns when the server says what it says when it accepts connections.
  /// - Parameters:
  ///   - leftovers: paths, or patterns of these, that are removed once this process is gone; without spaces.
  init(_ command: [String], ready: String, leftovers: [String] = []) throws {
    let (leash, input) = try Self.channel()
    let (output, log) = try Self.channel()
    self.leash = leash
    shell = try Self.spawn(
      ["/bin/sh", "-c", Self.script, "sh", leftovers.joined(separator: " ")] + command, input: input, output: log)
    for end in [input, log] { close(end) }
    let text = Self.read(output, until: ready)
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("pid ") }),
      let pid = Int32(line.dropFirst(4)), text.contains(ready)
    else {
      for end in [leash, output] { close(end) }
      throw Failure(description: "\(command[0]) did not start:\n\(text)")
    }
    processID = pid
    drain(output)
  }

  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// A server that starts or dies more slowly is a failure of its own, and must not hang the tests.
  private static let startLimit: TimeInterval = 120

  private static func read(_ descriptor: Int32, until ready: String) -> String {
    var text = ""
    var chunk = [UInt8](repeating: 0, count: 4096)
    let end = Date.now + startLimit
    while !text.contains(ready) {
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let left = end.timeIntervalSinceNow * 1_000
      guard left > 0, poll(&wait, 1, Int32(left)) > 0 else { break }
      let count = Self.readSome(descriptor, &chunk)
      guard count > 0 else { break }
      text += String(decoding: chunk[..<count], as: UTF8.self)
    }
    return text
  }

  private static func readSome(_ descriptor: Int32, _ chunk: inout [UInt8]) -> Int {
    while true {
      let count = Foundation.read(descriptor, &chunk, chunk.count)
      if count >= 0 || errno != EINTR { return count }
    }
  }

  /// Keeps the channel empty until the server, its last writer, is gone.
  private func drain(_ descriptor: Int32) {
    let (ended, shell) = (ended, shell)
    Thread.detachNewThread {
      var chunk = [UInt8](repeating: 0, count: 4096)
      while Self.readSome(descriptor, &chunk) > 0 {}
      close(descriptor)
      waitpid(shell, nil, 0)
      ended.signal()
    }
  }

  /// Returns when the server is gone. To be called once.
  func kill() {
    Foundation.kill(processID, SIGKILL)
    let result = ended.wait(timeout: .now() + Self.startLimit)
    precondition(result == .success, "process \(processID) does not end although it was killed")
    close(leash)
  }

  /// Two ends that no child inherits by accident.
  private static func channel() throws -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Failure(description: "socketpair failed") }
    return (ends[0], ends[1])
  }

  /// The child starts without the signal mask of this thread: threads of a pool have most signals blocked.
  private static func spawn(_ arguments: [String], input: Int32, output: Int32) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var argv = arguments.map { strdup($0) } + [nil]
    defer { for pointer in argv { free(pointer) } }
    var pid: pid_t = 0
    let status = posix_spawn(&pid, arguments[0], &actions, &attributes, &argv, environ)
    guard status == 0 else { throw Failure(description: String(cString: strerror(status))) }
    return pid
  }
}
