import QuarryCore
import Synchronization

/// Tells when storage has been asked for something and says nothing: a mount that is stuck gives neither an answer nor an
/// error, and a bucket that takes the question and is silent gives one late.
final class SilenceWatch: Sendable {
  /// How long storage has been silent, in whole seconds, and of which job's ledger.
  struct Silence: Equatable {
    var seconds: Int
    var jobID: String
  }

  private struct Question {
    var jobID: String
    var at: UInt64
    var patience: Duration
  }
  private struct State {
    var asked: Question?
    var isSilent = false
  }

  /// Between two looks.
  static let pace = Duration.seconds(2)

  private let state = Mutex(State())
  private let clock: FleetClock
  private let onChange: @Sendable (Silence?) -> Void

  /// - Parameter onChange: called with each look that finds storage silent for too long, then with nil when it has answered, be it by an
  ///   error; one call after the other, in the order of what happened. Must not call back.
  init(clock: FleetClock, onChange: @escaping @Sendable (Silence?) -> Void) {
    self.clock = clock
    self.onChange = onChange
  }

  /// One question at a time.
  /// - Parameter patience: a silence that lasts longer is worth a word.
  func asks(of jobID: String, patience: Duration) {
    state.withLock { $0.asked = Question(jobID: jobID, at: clock.boot(), patience: patience) }
  }

  func answered() {
    state.withLock { state in
      state.asked = nil
      guard state.isSilent else { return }
      state.isSilent = false
      onChange(nil)
    }
  }

  /// What storage has been asked and has not answered yet, however short that may be.
  var current: Silence? { state.withLock { $0.asked.map(silence(after:)) } }

  private func silence(after asked: Question) -> Silence {
    Silence(seconds: Int((clock.boot() - asked.at) / 1_000_000_000), jobID: asked.jobID)
  }

  /// Looks until cancelled.
  func run() async {
    while !Task.isCancelled {
      await clock.sleep(Self.pace)
      look()
    }
  }

  private func look() {
    state.withLock { state in
      guard let asked = state.asked, clock.boot() - asked.at >= asked.patience.nanoseconds else { return }
      state.isSilent = true
      onChange(silence(after: asked))
    }
  }
}
