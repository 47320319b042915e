import QuarryTerminal

/// A part of a line that looks the same from its beginning to its end.
struct StyledText: Sendable, Equatable {
  let text: String
  var style = Style.plain
}

/// One line of output, for a screen that is drawn or one that scrolls.
typealias StyledLine = [StyledText]

extension StyledLine {
  /// A line that looks like any other.
  init(plain text: String) { self = [StyledText(text: text)] }

  var cellWidth: Int { reduce(0) { $0 + $1.text.cellWidth } }

  /// As a terminal takes it, without the end of the line.
  func text(isColored: Bool) -> String {
    map { part in
      let codes = (part.style.isBold ? ["1"] : []) + (part.style.color.map { [String($0.rawValue)] } ?? [])
      return isColored && !codes.isEmpty ? "\u{1B}[\(codes.joined(separator: ";"))m\(part.text)\u{1B}[0m" : part.text
    }.joined()
  }
}
