extension String {
  /// The text in lines of at most `width` cells, broken at its own line ends, else between words, else anywhere. Tabs are
  /// spaces up to the next of every eighth cell.
  package func lines(width: Int) -> [[Glyph]] {
    let paragraphs = split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    return paragraphs.flatMap { Self.wrapped(Self.untabbed($0).glyphs, width: max(1, width)) }
  }

  private static func untabbed(_ line: Substring) -> String {
    guard line.contains("\t") else { return String(line) }
    var out = ""
    var column = 0
    for character in line {
      let isTab = character == "\t"
      let width = isTab ? 8 - column % 8 : String(character).glyphs.width
      out += isTab ? String(repeating: " ", count: width) : String(character)
      column += width
    }
    return out
  }

  private static func wrapped(_ glyphs: [Glyph], width: Int) -> [[Glyph]] {
    var lines: [[Glyph]] = []
    var rest = glyphs[...]
    while rest.width(atMost: width) == nil {
      let cut = breakPoint(rest, width: width)
      lines.append(Array(rest[..<cut]))
      rest = rest[cut...].drop { $0.text == " " }
    }
    return rest.isEmpty && !lines.isEmpty ? lines : lines + [Array(rest)]
  }

  /// Behind the last space that fits, unless the line would be left half empty.
  private static func breakPoint(_ glyphs: ArraySlice<Glyph>, width: Int) -> Int {
    var used = 0
    var end = glyphs.startIndex
    while end < glyphs.endIndex, used + glyphs[end].width <= width {
      used += glyphs[end].width
      end += 1
    }
    guard end > glyphs.startIndex else { return glyphs.startIndex + 1 }
    let space = glyphs[..<end].lastIndex { $0.text == " " }
    return space.map { $0 + 1 }.flatMap { $0 - glyphs.startIndex > width / 2 ? $0 : nil } ?? end
  }
}

extension ArraySlice<Glyph> {
  /// Nil when it is wider; a long text is not measured to its end for that.
  fileprivate func width(atMost limit: Int) -> Int? {
    var used = 0
    for glyph in self {
      used += glyph.width
      if used > limit { return nil }
    }
    return used
  }
}
