import QuarryCore

/// A reading command with `--watch`.
protocol WatchableCommand: DocumentCommand {
  var watch: WatchOptions { get }
}

extension WatchableCommand {
  func execute(in context: CommandContext) async throws -> Int32 {
    guard let interval = try watch.pace() else { return try await answer(in: context) }
    return try await DocumentWatch.run(self, every: interval, in: context)
  }
}

/// A reading command with `--tui`.
protocol ViewableCommand: WatchableCommand {
  var view: ViewOptions { get }

  /// Whether the command may soon answer something else than this, so that a screen that shows it looks again. By default
  /// it may.
  func mayChange(_ document: Output) -> Bool
}

extension ViewableCommand {
  func execute(in context: CommandContext) async throws -> Int32 {
    let interval = try watch.pace()
    if view.tui {
      try view.check(output, watch, in: context)
      try await DocumentViewer.show(self, in: context)
      return 0
    }
    guard let interval else { return try await answer(in: context) }
    return try await DocumentWatch.run(self, every: interval, in: context)
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
