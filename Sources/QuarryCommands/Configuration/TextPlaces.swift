/// Finds lines and columns of a text by their distance from its start, in Unicode scalars.
struct TextPlaces {
  private let scalars: [Unicode.Scalar]
  private let lineStarts: [Int]

  init(_ text: String) {
    let scalars = Array(text.unicodeScalars)
    self.scalars = scalars
    lineStarts = [0] + scalars.indices.filter { scalars[$0] == "\n" }.map { $0 + 1 }
  }

  /// - Parameters: both from 1.
  func offset(line: Int, column: Int) -> Int {
    lineStarts[max(0, min(line, lineStarts.count) - 1)] + column - 1
  }

  /// Where a YAML value ends whose content has `length` scalars: behind its closing quote where it has one. A text in block
  /// form is taken to be as long as its content, so its indentation is not counted.
  func endOfValue(from start: Int, length: Int) -> Int {
    guard start < scalars.count else { return start + 1 }
    let quote = scalars[start]
    guard quote == "\"" || quote == "'" else { return start + max(1, length) }
    let rest = scalars[(start + 1)...]
    return (rest.firstIndex(of: quote) ?? scalars.count) + 1
  }
}
