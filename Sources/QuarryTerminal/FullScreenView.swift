/// What a program that has the whole terminal is told.
package enum ScreenEvent: Sendable, Equatable {
  case input(TerminalInput)
  /// The bell was rung.
  case news
  /// The view's own instant has come.
  case due
}

/// A program that has the whole terminal: it is told what happens, and drawn anew after it.
package protocol FullScreenView {
  /// - Returns: false when it is over.
  mutating func handle(_ event: ScreenEvent) -> Bool

  /// When it wants to be told `due`; nil as long as nothing happens.
  var dueAt: ContinuousClock.Instant? { get }

  /// Draws onto an empty canvas of the screen's size, which may be another each time, and very small.
  mutating func draw(on canvas: inout Canvas)
}
