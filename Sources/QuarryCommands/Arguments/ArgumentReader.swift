import QuarryCore

/// Reads the words after a command's name into the command.
struct ArgumentReader {
  private let declarations: [Declaration]
  private var words: ArraySlice<String>
  private var given: [Declaration] = []
  /// Words that are neither flags nor their values.
  private var values: [String] = []

  /// - Returns: the command with what was given.
  /// - Throws: `QuarryError(.usage)`.
  static func read(
    _ type: any ParsableCommand.Type, _ words: ArraySlice<String>
  ) throws(QuarryError) -> any ParsableCommand {
    let declarations = Declarations()
    let command = declarations.collect { type.init() }
    var reader = ArgumentReader(declarations: declarations.entries.map(\.declaration), words: words)
    try reader.read()
    return command
  }

  private init(declarations: [Declaration], words: ArraySlice<String>) {
    self.declarations = declarations
    self.words = words
  }

  private mutating func read() throws(QuarryError) {
    while let word = words.popFirst() {
      if word == "--" {
        values += words
        words = []
      } else if Self.looksLikeFlag(word) {
        try readFlag(word)
      } else {
        values.append(word)
      }
    }
    try readArguments()
  }

  /// A single `-` stands for a stream, as a value.
  private static func looksLikeFlag(_ word: String) -> Bool { word.utf8.first == UInt8(ascii: "-") && word != "-" }

  /// No flag is called so, and what wants a value says why it takes none of these.
  private static func isNegativeNumber(_ word: String) -> Bool {
    word.utf8.dropFirst().first.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
  }

  private mutating func readFlag(_ word: String) throws(QuarryError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let name = parts[0]
    let attached = parts.count > 1 ? parts[1] : nil
    guard let declaration = declarations.first(where: { $0.names.contains(name) }) else { throw unknown(name) }
    guard declaration.isRepeatable || !given.contains(where: { $0 === declaration }) else {
      throw QuarryError(
        .usage, "'\(name)' is given more than once, and takes one value", remedy: "leave all of them out but one")
    }
    given.append(declaration)
    if declaration.kind == .flag {
      if let attached {
        throw Self.complaint("'\(name)' does not take any value, but '\(Redaction.word(attached))' was given")
      }
      return try take("", name, declaration)
    }
    guard let value = attached ?? nextValue(of: declaration) else {
      throw Self.complaint("missing value for '\(name) \(declaration.help.placeholder)'")
    }
    try take(value, name, declaration)
  }

  private mutating func nextValue(of declaration: Declaration) -> String? {
    guard let word = words.first,
      declaration.takesAnyWord || !Self.looksLikeFlag(word) || Self.isNegativeNumber(word)
    else { return nil }
    return words.removeFirst()
  }

  private mutating func readArguments() throws(QuarryError) {
    let arguments = declarations.filter { $0.kind == .argument }
    for (argument, value) in zip(arguments, values) { try take(value, nil, argument) }
    let rest = values.dropFirst(arguments.count)
    if let missing = arguments.dropFirst(values.count).first {
      throw Self.complaint("missing expected argument '\(missing.help.placeholder)'")
    }
    guard !rest.isEmpty else { return }
    let words = rest.map { "'\(Redaction.word($0))'" }.joined(separator: ", ")
    throw Self.complaint(
      rest.count == 1 ? "unexpected argument \(words)" : "\(rest.count) unexpected arguments: \(words)")
  }

  private func take(_ value: String, _ name: String?, _ declaration: Declaration) throws(QuarryError) {
    do {
      try declaration.take(value)
    } catch {
      let place = [name, declaration.help.placeholder].compactMap(\.self).joined(separator: " ")
      let choices = declaration.choices.isEmpty ? nil : "not one of \(declaration.choices.joined(separator: ", "))"
      let reason = ((error as? ValidationError)?.message ?? choices).map { ": \($0)" } ?? ""
      throw Self.complaint("the value '\(Redaction.word(value))' is invalid for '\(place)'\(reason)")
    }
  }

  private func unknown(_ name: String) -> QuarryError {
    let bare = String(name.drop { $0 == "-" })
    let known = declarations.flatMap(\.names).filter { $0.hasPrefix("--") }.map { String($0.dropFirst(2)) }
    let names = known + ["help", "version"]
    return Self.complaint(
      "unknown option '\(Redaction.word(name))'", proposal: Nearest.to(bare, among: names).map { "--" + $0 })
  }

  private static func complaint(_ message: String, proposal: String? = nil) -> QuarryError {
    let remedy = "`--help` after the command lists its flags"
    return QuarryError(.usage, message, remedy: proposal.map { "did you mean '\($0)'? \(remedy)" } ?? remedy)
  }
}
