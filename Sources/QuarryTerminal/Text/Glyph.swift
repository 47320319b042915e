/// What is drawn as one: a character that takes cells, and that a terminal shows and does not obey.
package struct Glyph: Sendable, Equatable {
  package let text: String
  /// In cells, at least one.
  package let width: Int

  init(_ text: String, width: Int) {
    self.text = text
    self.width = width
  }

  static func ascii(_ byte: UInt8) -> Glyph { Glyph(String(Unicode.Scalar(byte)), width: 1) }
}

extension Collection<Glyph> {
  /// In cells.
  package var width: Int { reduce(0) { $0 + $1.width } }

  /// As many as fit, the last of them `end` when some do not.
  /// - Parameter end: the mark of what was cut; a string of one cell or several.
  package func fitting(_ cells: Int, end: String) -> [Glyph] {
    guard width > cells else { return Array(self) }
    let mark = end.glyphs
    let room = cells - mark.width
    guard room >= 0 else { return [] }
    var used = 0
    let head = prefix { glyph in
      used += glyph.width
      return used <= room
    }
    return head + mark
  }
}

extension String {
  /// The text as glyphs. Stored text is anybody's: what a terminal would obey, what would turn the direction of the line
  /// or take no room is shown by its code, `\u001b`; lines and tabs as `\n` and `\t`.
  package var glyphs: [Glyph] {
    if utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return utf8.map(Glyph.ascii) }
    return flatMap(Self.glyphs)
  }

  /// The width of its glyphs, which are not made for that where they need not be.
  package var cellWidth: Int {
    utf8.allSatisfy { (0x20..<0x7f).contains($0) } ? utf8.count : glyphs.width
  }

  /// More marks than any writing has on one letter; the rest is shown by codes.
  private static let longestCluster = 16

  private static func glyphs(of character: Character) -> [Glyph] {
    let scalars = character.unicodeScalars
    let width = CellWidth.of(character)
    if width > 0, scalars.count <= longestCluster, !scalars.contains(where: isObeyed) {
      return [Glyph(String(character), width: width)]
    }
    return scalars.flatMap { scalar in
      let width = CellWidth.of(scalar)
      return width > 0 ? [Glyph(String(scalar), width: width)] : code(of: scalar).utf8.map(Glyph.ascii)
    }
  }

  private static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    // Joiners and the tags of flags are part of the characters beside them.
    case .format: !(0x200C...0x200D).contains(scalar.value) && !(0xE0020...0xE007F).contains(scalar.value)
    default: false
    }
  }

  private static func code(of scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return #"\n"#
    case "\r": return #"\r"#
    case "\t": return #"\t"#
    default:
      let digits = String(scalar.value, radix: 16)
      return #"\u"# + String(repeating: "0", count: digits.count < 4 ? 4 - digits.count : 0) + digits
    }
  }
}
