import QuarryCore
import Synchronization

/// One life of the browser broker, watched by a thread of its own.
final class BrokerSession: Sendable {
  let endpoint: String
  private let stopRequest = WakeSignal()
  private let ended = WakeSignal()
  /// Set from when the broker begins to end.
  private let isEnding = Mutex(false)

  /// Blocks until the broker has told where it listens.
  init(
    _ program: ExecutorProgram, startTimeout: Duration, onNote: @escaping @Sendable (String) -> Void
  ) throws(QuarryError) {
    let process = try BrokerProcess(program, startTimeout: startTimeout, onNote: onNote)
    endpoint = process.endpoint
    watch(process)
  }

  var isAlive: Bool { isEnding.withLock { !$0 } }

  func stop() {
    requestStop()
    ended.wait()
  }

  /// Returns at once; a browser may take seconds to end.
  func requestStop() { stopRequest.raise() }

  private func watch(_ process: sending BrokerProcess) {
    let handover = Mutex<BrokerProcess?>(process)
    OwnThread.start { [self] in
      let noteEnd = { [self] in isEnding.withLock { $0 = true } }
      handover.withLock { $0.take() }?.serve(until: stopRequest, onEnding: noteEnd)
      noteEnd()
      ended.raise()
    }
  }
}
