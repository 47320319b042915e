/// What may be watched while a run goes on. All calls come from the run's own thread.
package struct RunObserver: Sendable {
  /// A line that the executor wrote to its standard error, without its end; long lines come in pieces.
  package var onStandardError: (@Sendable (String) -> Void)?
  /// A log event of the script.
  package var onLog: (@Sendable (_ level: String, _ message: String) -> Void)?
  /// Something odd that does not end the run.
  package var onNote: @Sendable (String) -> Void
  /// Something that was to be stored and is not, though the run goes on.
  package var onLoss: @Sendable (String) -> Void
  /// The script's first wish for another proxy than the one that it was given, while the run goes on.
  package var onRotation: (@Sendable (RotationWish, RunProxy) -> Void)?

  /// - Parameter onLoss: nil makes a note of it.
  package init(
    onStandardError: (@Sendable (String) -> Void)? = nil,
    onLog: (@Sendable (_ level: String, _ message: String) -> Void)? = nil,
    onNote: @escaping @Sendable (String) -> Void = { _ in }, onLoss: (@Sendable (String) -> Void)? = nil,
    onRotation: (@Sendable (RotationWish, RunProxy) -> Void)? = nil
  ) {
    self.onStandardError = onStandardError
    self.onLog = onLog
    self.onNote = onNote
    self.onLoss = onLoss ?? onNote
    self.onRotation = onRotation
  }
}
