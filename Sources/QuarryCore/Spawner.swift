import Glibc

/// Starts programs. Nothing but the descriptors that are named reaches them.
package enum Spawner {
  /// - Parameters:
  ///   - arguments: without the program's own name.
  ///   - environment: the whole of it; nil: this process' own.
  ///   - descriptors: become 0, 1, 2 … of the program, in this order.
  /// - Returns: the process id; the caller reaps it.
  /// - Throws: `errno` of the failure.
  package static func start(
    _ path: String, arguments: [String], environment: [String: String]? = nil, descriptors: [Int32]
  ) throws(SpawnFailure) -> pid_t {
    // A source below the count could be overwritten before it is copied, so all are moved out of the way first.
    let sources = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, Int32(descriptors.count)) }
    defer { for source in sources where source >= 0 { close(source) } }
    guard sources.allSatisfy({ $0 >= 0 }) else { throw SpawnFailure(code: errno) }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, source) in sources.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
    }
    var attributes = cleanAttributes()
    defer { posix_spawnattr_destroy(&attributes) }

    var process: pid_t = 0
    let code = withCStrings([path] + arguments) { argv in
      guard let environment else { return posix_spawn(&process, path, &actions, &attributes, argv, environ) }
      return withCStrings(environment.map { "\($0.key)=\($0.value)" }) { envp in
        posix_spawn(&process, path, &actions, &attributes, argv, envp)
      }
    }
    guard code == 0 else { throw SpawnFailure(code: code) }
    return process
  }

  /// Ignored and blocked signals and the scheduling policy are inherited by what is started, so all go back to what a shell
  /// would give.
  private static func cleanAttributes() -> posix_spawnattr_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var every = sigset_t()
    sigfillset(&every)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &every)
    posix_spawnattr_setsigmask(&attributes, &none)
    var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    if Scheduling.isForThisProcessAlone {
      flags |= POSIX_SPAWN_SETSCHEDULER
      posix_spawnattr_setschedpolicy(&attributes, SCHED_OTHER)
    }
    posix_spawnattr_setflags(&attributes, Int16(flags))
    return attributes
  }

  private static func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return body(copies)
  }
}

/// Why a program was not started.
package struct SpawnFailure: Error {
  /// An `errno`.
  package let code: Int32
}
