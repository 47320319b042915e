/// What a command takes from its line, as a property of it declares, and what the line gave for it.
///
/// The properties are objects, so that a reader can fill those of a command it was handed. Whoever makes a command fills
/// it before anyone else has it: that makes them `Sendable`.
class Declaration: @unchecked Sendable {
  enum Kind { case flag, option, argument }

  let kind: Kind
  /// As they are typed, `--storage-path` or `-o`; none for an argument.
  let names: [String]
  let help: ArgumentHelp
  /// True for an option that takes its next word whatever it looks like, such as `-1`.
  let takesAnyWord: Bool
  let isRepeatable: Bool
  /// The words there are, where there is a fixed set.
  let choices: [String]

  /// - Parameter names: without dashes; one of a letter alone gets one dash.
  init(
    _ kind: Kind, _ names: [String], _ help: ArgumentHelp, takesAnyWord: Bool = false, isRepeatable: Bool = false,
    choices: [String] = []
  ) {
    self.kind = kind
    self.names = names.map { ($0.utf8.count == 1 ? "-" : "--") + $0 }
    self.help = help
    self.takesAnyWord = takesAnyWord
    self.isRepeatable = isRepeatable
    self.choices = choices
    Declarations.note(self)
  }

  /// Takes the word that was given; a flag's is empty.
  func take(_ word: String) throws {}
}

/// What help says of a declaration.
struct ArgumentHelp: ExpressibleByStringLiteral {
  let text: String
  /// `<file>`: what stands for the value.
  let placeholder: String

  init(_ text: String, valueName: String = "value") {
    self.text = text
    placeholder = "<\(valueName)>"
  }

  init(stringLiteral text: String) { self.init(text) }
}

/// All that a command declares, in order. `Sendable` since only the task that makes the command adds to it.
final class Declarations: @unchecked Sendable {
  struct Entry {
    let declaration: Declaration
    /// That of the outermost group with one.
    let title: String?
  }

  /// Those of the command that this task is making: each declaration notes itself here when it is made.
  @TaskLocal private static var current: Declarations?

  private(set) var entries: [Entry] = []
  private var title: String?

  /// - Parameter make: makes a command.
  func collect<Command>(_ make: () -> Command) -> Command { Self.$current.withValue(self) { make() } }

  static func note(_ declaration: Declaration) {
    guard let current else { return }
    current.entries.append(Entry(declaration: declaration, title: current.title))
  }

  /// What is declared meanwhile stands under a heading in help.
  static func titled<Group>(_ title: String?, _ make: () -> Group) -> Group {
    guard let current, current.title == nil else { return make() }
    current.title = title
    defer { current.title = nil }
    return make()
  }
}
