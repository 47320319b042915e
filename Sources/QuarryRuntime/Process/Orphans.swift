import CLinux
import Glibc
import QuarryCore
import Synchronization

/// Processes that lost their shepherd: when it is killed by force, what it owned comes to the nearest subreaper above,
/// which is this process once it has said so.
package enum Orphans {
  private static let isAdopting = Mutex(false)
  /// Descendants are stopped before they are killed, in passes, since each may fork while others are looked at.
  private static let passes = 8

  /// From now on every process below this one that loses its parent becomes a child of this one. Only for a process all
  /// of whose children are shepherds.
  package static func adopt() {
    isAdopting.withLock { $0 = become_subreaper() == 0 }
  }

  /// Kills all orphans and what they started, and returns when none is left, or after 10 s: what the kernel holds in a
  /// call dies when that returns, and must not keep a run from its end. Other runs' shepherds are not touched.
  /// Does nothing in a process that adopts none.
  static func kill() {
    guard isAdopting.withLock({ $0 }) else { return }
    var pause: UInt32 = 1
    let limit = BootClock.after(.seconds(10))
    while BootClock.now() < limit, Shepherds.whileNoneStarts({ killOnce(sparing: $0) }) {
      usleep(pause * 1_000)
      pause = min(2 * pause, 16)
    }
  }

  /// - Returns: whether there were any.
  private static func killOnce(sparing shepherds: Set<pid_t>) -> Bool {
    if let children = ProcessTable.childrenNow(of: getpid()), orphans(sparing: shepherds, among: children).isEmpty {
      return false
    }
    for _ in 0..<passes {
      let table = ProcessTable.read()
      let running = table.below(orphans(sparing: shepherds, among: table.children(of: getpid()))).filter(\.canFork)
      if running.isEmpty { break }
      for process in running { Glibc.kill(process.pid, SIGSTOP) }
      usleep(1_000)
    }
    let table = ProcessTable.read()
    let roots = orphans(sparing: shepherds, among: table.children(of: getpid()))
    for process in table.below(roots) { Glibc.kill(process.pid, SIGKILL) }
    for root in roots { waitpid(root, nil, WNOHANG) }
    return !roots.isEmpty
  }

  /// Shepherds that keep something for many processes, an embedded Redis or a shared browser, left their starter on
  /// purpose. A child that is still this program has not become what it was started for.
  private static func orphans(sparing shepherds: Set<pid_t>, among children: [pid_t]) -> [pid_t] {
    children.filter { !shepherds.contains($0) && !ProcessTable.isOurs($0) }
  }
}

/// The shepherds of this process that are not reaped yet.
enum Shepherds {
  private static let running = Mutex<Set<pid_t>>([])

  static func start(_ body: () throws(SpawnFailure) -> pid_t) throws(SpawnFailure) -> pid_t {
    try running.withLock { running throws(SpawnFailure) in
      let shepherd = try body()
      running.insert(shepherd)
      return shepherd
    }
  }

  /// Counts one that was started before this process could count.
  static func adopt(_ shepherd: pid_t) { running.withLock { _ = $0.insert(shepherd) } }

  /// Waits for the end of a shepherd.
  static func reap(_ shepherd: pid_t) {
    while waitpid(shepherd, nil, 0) < 0 && errno == EINTR {}
    running.withLock { _ = $0.remove(shepherd) }
  }

  static func whileNoneStarts<Value>(_ body: (Set<pid_t>) -> Value) -> Value { running.withLock { body($0) } }
}
