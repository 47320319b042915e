import Glibc
import QuarryCore
import Synchronization

/// One browser for many runs of this process: a broker that starts Chromium when the first run connects and ends it
/// when it idles. The broker runs under a shepherd, so it and Chromium end with this process, however it ends.
package final class BrowserBroker: Sendable {
  private let program: ExecutorProgram
  private let startTimeout: Duration
  private let onNote: @Sendable (String) -> Void
  private let current = Mutex<BrokerSession?>(nil)

  /// - Parameters:
  ///   - program: `quarry-browser` with its environment.
  ///   - onNote: called with each line that the broker writes to its standard error.
  package init(
    program: ExecutorProgram, startTimeout: Duration = .seconds(20),
    onNote: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.program = program
    self.startTimeout = startTimeout
    self.onNote = onNote
  }

  /// Where runs connect: `ws://127.0.0.1:PORT/SECRET`. Starts the broker at the first call, and again when it has died
  /// or begun to end since. Blocks the calling thread while it starts; callers at the same time share one start.
  /// - Throws: `QuarryError(.executor)` with the broker's own words.
  package func endpoint() throws(QuarryError) -> String {
    let result = current.withLock { session -> Result<String, QuarryError> in
      if let session, session.isAlive { return .success(session.endpoint) }
      session?.requestStop()
      do throws(QuarryError) {
        let started = try BrokerSession(program, startTimeout: startTimeout, onNote: onNote)
        session = started
        return .success(started.endpoint)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Ends the broker and its browser, and waits until both are gone. `endpoint` would start them anew.
  package func stop() {
    current.withLock { session in
      session?.stop()
      session = nil
    }
  }
}
