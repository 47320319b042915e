import QuarryCore

/// A reading command with `--tui`.
protocol ViewableCommand: DocumentCommand {
  var view: ViewOptions { get }

  /// Whether the command may soon answer something else than this, so that a screen that shows it looks again. By default
  /// it may.
  func mayChange(_ document: Output) -> Bool
}

extension ViewableCommand {
  func execute(in context: CommandContext) async throws -> Int32 {
    guard view.tui else { return try await answer(in: context) }
    try view.check(output, in: context)
    try await DocumentViewer.show(self, in: context)
    return 0
  }

  func mayChange(_ document: Output) -> Bool { true }
}

extension Output {
  /// Whether anything in it says that it goes on.
  var hasOpenState: Bool {
    switch self {
    case .value: false
    case .list(let elements): elements.contains { $0.hasOpenState }
    case .record(let fields): fields.contains { $0.saysOpen || $0.value.hasOpenState }
    }
  }
}

extension Output.Field {
  private static let openStates = ["running", "ready", "scheduled", "leased"]

  fileprivate var saysOpen: Bool { name == "state" && Self.openStates.contains(value.scalarText) }
}
