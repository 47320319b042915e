import QuarryTerminal

/// The line in which a search is typed.
struct SearchPrompt {
  enum Answer: Equatable {
    case typing
    case left
    case entered(String)
  }

  private(set) var text = ""

  mutating func handle(_ input: TerminalInput) -> Answer {
    switch input {
    case .pasted(let pasted): text += pasted.prefix { !$0.isNewline }
    case .key(.character(let character)): text.append(character)
    case .key(.enter): return .entered(text)
    case .key(.escape): return .left
    case .key(.backspace):
      guard !text.isEmpty else { return .left }
      text.removeLast()
    case .key(.control("u")): text = ""
    case .key(.control("w")): removeWord()
    default: break
    }
    return .typing
  }

  private mutating func removeWord() {
    text = String(text.reversed().drop { $0 == " " }.drop { $0 != " " }.reversed())
  }
}
