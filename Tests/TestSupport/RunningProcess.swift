import CLinux
import Foundation
import Synchronization

/// What a process left behind.
package struct ProcessResult: Sendable {
  /// The exit code, or the negated number of the signal that ended it.
  package let exitCode: Int32
  package let standardOutput: String
  package let standardError: String
}

/// A process in a process group of its own, whose output is captured while it runs.
///
/// Whatever happens, `finish` ends within its deadline: after it the whole group is killed.
package final class RunningProcess: Sendable {
  package struct Failure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
  }

  package let pid: pid_t
  private let output: Capture
  private let errors: Capture
  private let exit = Mutex<Int32?>(nil)
  /// Held while pipes are made and given away, so that no other child of these tests inherits an end of them.
  private static let spawning = Mutex(())
  /// Those that no test has seen the end of. They end with the tests' own process.
  private static let running = Mutex<Set<pid_t>>([])
  private static let endsWithUs: Void = {
    atexit { RunningProcess.running.withLock { pids in for pid in pids { kill(-pid, SIGKILL) } } }
  }()

  /// - Parameters:
  ///   - environment: added to this process' environment; an empty value removes the variable.
  ///   - input: what stdin holds before its end.
  package init(
    _ path: String, _ arguments: [String] = [], environment: [String: String] = [:], directory: String? = nil,
    input: String = ""
  ) throws {
    let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }.filter { !$0.value.isEmpty }
    let (pid, ends) = try Self.spawning.withLock { _ in
      let (input, output, errors) = (try Self.makePipe(), try Self.makePipe(), try Self.makePipe())
      defer { for descriptor in [input.0, output.1, errors.1] { close(descriptor) } }
      let pid = try Self.spawn(
        [path] + arguments, environment: merged, directory: directory, descriptors: [input.0, output.1, errors.1])
      return (pid, [input.1, output.0, errors.0])
    }
    self.pid = pid
    Self.endsWithUs
    Self.running.withLock { _ = $0.insert(pid) }
    _ = input.withCString { write(ends[0], $0, strlen($0)) }
    close(ends[0])
    output = Capture(ends[1])
    errors = Capture(ends[2])
  }

  package func send(_ signal: Int32) { kill(pid, signal) }

  package func sendToGroup(_ signal: Int32) { kill(-pid, signal) }

  package var outputSoFar: String { output.text }
  package var errorSoFar: String { errors.text }

  /// Waits until stderr holds `text`.
  package func waitForError(_ text: String, within: Duration = .seconds(30)) async throws {
    try await wait(for: "'\(text)' on stderr", within: within) { self.errors.text.contains(text) }
  }

  /// Waits until stdout holds `text`.
  package func waitForOutput(_ text: String, within: Duration = .seconds(30)) async throws {
    try await wait(for: "'\(text)' on stdout", within: within) { self.output.text.contains(text) }
  }

  /// Waits for the process' end and all of its output; kills the group at the deadline.
  package func finish(within: Duration = .seconds(60)) async throws -> ProcessResult {
    do {
      try await poll(within: within) { self.reap() && self.output.isFinished && self.errors.isFinished }
    } catch {
      kill(-pid, SIGKILL)
      throw Failure(description: "not ended within \(within); stdout: \(output.text)\nstderr: \(errors.text)")
    }
    let code = exit.withLock { $0 } ?? 0
    return ProcessResult(exitCode: code, standardOutput: output.text, standardError: errors.text)
  }

  private func wait(for what: String, within: Duration, _ condition: @escaping @Sendable () -> Bool) async throws {
    do {
      try await poll(within: within) { condition() || self.reap() && self.errors.isFinished && self.output.isFinished }
    } catch {}
    guard condition() else {
      throw Failure(description: "no \(what); stdout: \(output.text)\nstderr: \(errors.text)")
    }
  }

  /// Nothing signals here in a way that many tests could share: a child's end and its output are polled.
  private func poll(within: Duration, _ condition: @Sendable () -> Bool) async throws {
    let deadline = ContinuousClock.now + within
    while !condition() {
      guard ContinuousClock.now < deadline else { throw Failure(description: "deadline") }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private func reap() -> Bool {
    exit.withLock { exit in
      if exit != nil { return true }
      var status: Int32 = 0
      guard waitpid(pid, &status, WNOHANG) == pid else { return false }
      exit = status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
      Self.running.withLock { _ = $0.remove(pid) }
      return true
    }
  }

  static func makePipe() throws -> (Int32, Int32) {
    var ends: [Int32] = [0, 0]
    // Closed on exec from the first moment: other threads of these tests start programs by other ways, and one that
    // held an end would keep it open as long as it lives.
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Failure(description: "pipe: \(errno)") }
    return (ends[0], ends[1])
  }

  /// Starts a program in a process group of its own, without the signal mask of this thread: threads of a pool have most
  /// signals blocked.
  /// - Parameter descriptors: its first ones.
  static func spawn(
    _ arguments: [String], environment: [String: String], directory: String?, descriptors: [Int32]
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target))
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var every = sigset_t()
    sigfillset(&every)
    posix_spawnattr_setsigdefault(&attributes, &every)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let arguments = directory.map { ["/usr/bin/env", "-C", $0] + arguments } ?? arguments
    var argv = arguments.map { strdup($0) } + [nil]
    var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let failure = posix_spawn(&pid, arguments[0], &actions, &attributes, &argv, &envp)
    guard failure == 0 else {
      throw Failure(description: "cannot start \(arguments[0]): \(String(cString: strerror(failure)))")
    }
    return pid
  }
}

/// Reads one pipe to its end on a thread of its own.
private final class Capture: Sendable {
  private let state = Mutex<(bytes: [UInt8], isFinished: Bool)>(([], false))

  init(_ descriptor: Int32) {
    let thread = Thread { [self] in
      var chunk = [UInt8](repeating: 0, count: 64 * 1024)
      while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        state.withLock { $0.bytes += chunk[..<count] }
      }
      close(descriptor)
      state.withLock { $0.isFinished = true }
    }
    thread.start()
  }

  var text: String { String(decoding: state.withLock { $0.bytes }, as: UTF8.self) }
  var isFinished: Bool { state.withLock { $0.isFinished } }
}

/// Runs a binary to its end.
package func runProcess(
  _ path: String, _ arguments: [String] = [], environment: [String: String] = [:], directory: String? = nil,
  within: Duration = .seconds(60)
) async throws -> ProcessResult {
  let process = try RunningProcess(path, arguments, environment: environment, directory: directory)
  return try await process.finish(within: within)
}
