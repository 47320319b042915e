/// A flag with a value: `--name VALUE` or `--name=VALUE`.
@propertyWrapper
final class Option<Value>: Declaration, @unchecked Sendable {
  var wrappedValue: Value
  private let add: (String, inout Value) throws -> Void

  fileprivate init(
    _ value: Value, _ names: [String], _ help: ArgumentHelp, _ parsing: ValueParsing = .next,
    isRepeatable: Bool = false, choices: [String] = [], add: @escaping (String, inout Value) throws -> Void
  ) {
    wrappedValue = value
    self.add = add
    super.init(
      .option, names, help, takesAnyWord: parsing == .unconditional, isRepeatable: isRepeatable, choices: choices)
  }

  /// Nothing is no value: it would mean that the flag was not given, or the working directory.
  override func take(_ word: String) throws {
    guard !word.isEmpty else { throw ValidationError("it is empty; a variable that it is made of may not be set") }
    try add(word, &wrappedValue)
  }
}

/// Where an option's value is looked for.
enum ValueParsing {
  /// The next word, unless it looks like a flag.
  case next
  /// The next word.
  case unconditional
}

extension Option where Value == String? {
  convenience init(_ names: String..., parsing: ValueParsing = .next, help: ArgumentHelp) {
    self.init(nil, names, help, parsing) { $1 = $0 }
  }
}

extension Option where Value == Int? {
  convenience init(_ names: String..., parsing: ValueParsing = .next, help: ArgumentHelp) {
    self.init(nil, names, help, parsing) {
      guard let number = Int($0) else { throw ValidationError(nil) }
      $1 = number
    }
  }
}

extension Option where Value == [String] {
  convenience init(wrappedValue: [String], _ names: String..., help: ArgumentHelp) {
    self.init(wrappedValue, names, help, isRepeatable: true) { $1.append($0) }
  }
}

extension Option {
  /// - Parameter transform: throws `ValidationError` for a word that is no such value.
  convenience init<Read>(
    _ names: String..., parsing: ValueParsing = .next, help: ArgumentHelp,
    transform: @escaping (String) throws -> Read
  ) where Value == Read? {
    self.init(nil, names, help, parsing) { $1 = try transform($0) }
  }

  /// One of a fixed set of words.
  convenience init<Word: RawRepresentable<String> & CaseIterable>(_ names: String..., help: ArgumentHelp)
  where Value == Word? {
    self.init(nil, names, help, choices: Word.allCases.map(\.rawValue)) {
      guard let word = Word(rawValue: $0) else { throw ValidationError(nil) }
      $1 = word
    }
  }
}

/// A word of a command line that is not what it should be.
struct ValidationError: Error {
  /// What it is, without the word itself; nil where the name of the flag says all there is to say.
  let message: String?

  init(_ message: String?) { self.message = message }
}
