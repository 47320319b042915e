import QuarryCore
import Synchronization

/// Shows what the executor writes to its stderr, up to a bound: a script that floods it does not flood the terminal.
final class StandardErrorEcho: Sendable {
  static let limit = 256 << 10

  private let console: Console
  private let whereItsEndIs: String
  private let shown = Mutex(0)

  /// - Parameter whereItsEndIs: for who wants more of it than is shown.
  init(_ console: Console, whereItsEndIs: String) {
    self.console = console
    self.whereItsEndIs = whereItsEndIs
  }

  func show(_ line: String) {
    let before = shown.withLock { shown in
      defer { shown += line.utf8.count + 1 }
      return shown
    }
    let after = before + line.utf8.count + 1
    if after <= Self.limit {
      console.echo(line)
    } else if before <= Self.limit {
      console.say("more on the script's stderr is not shown here\(whereItsEndIs)")
    }
  }
}
