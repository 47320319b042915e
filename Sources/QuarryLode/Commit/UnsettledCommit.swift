import QuarryCore
import Synchronization

/// A commit of which it could not be asked whether it is visible. As long as nobody asks, another writer may carry it out.
package final class UnsettledCommit: Sendable {
  private let ask: @Sendable () throws(FileFailure) -> Bool
  private let answer = Mutex<Bool?>(nil)

  /// - Parameter ask: whether it is visible; once it says no, it is no for ever.
  init(_ ask: @escaping @Sendable () throws(FileFailure) -> Bool) { self.ask = ask }

  func isVisible() throws(FileFailure) -> Bool {
    try answer.withLock { answer throws(FileFailure) in
      if let answer { return answer }
      let isVisible = try ask()
      answer = isVisible
      return isVisible
    }
  }
}
