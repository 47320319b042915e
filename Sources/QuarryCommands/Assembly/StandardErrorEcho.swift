import QuarryCore
import Synchronization

/// Shows what the executor writes to its stderr, up to a bound: a script that floods it does not flood the terminal.
/// Beginning and end of it are in the report anyway.
final class StandardErrorEcho: Sendable {
  static let limit = 256 << 10

  private let console: Console
  private let shown = Mutex(0)

  init(_ console: Console) { self.console = console }

  func show(_ line: String) {
    let before = shown.withLock { shown in
      defer { shown += line.utf8.count + 1 }
      return shown
    }
    let after = before + line.utf8.count + 1
    if after <= Self.limit {
      console.echo(line)
    } else if before <= Self.limit {
      console.say("more on the script's stderr is not shown here; its end is in the report (--report FILE)")
    }
  }
}
