import CLinux
import Glibc

/// How many cells of a terminal a character takes: none, one or two, more for clusters of several letters.
package enum CellWidth {
  /// The library's own table of widths, of its UTF-8 locale whatever the user's is; nil on a system without it.
  private static let table = Table(locale: newlocale(LC_CTYPE_MASK, "C.UTF-8", nil))

  /// A locale is never changed once it is made, and may be used by many threads.
  private struct Table: @unchecked Sendable {
    let locale: locale_t?
  }

  package static func of(_ character: Character) -> Int {
    let scalars = character.unicodeScalars
    guard let first = scalars.first, scalars.count > 1 else { return scalars.first.map(of) ?? 0 }
    return isPicture(first, scalars) ? 2 : scalars.reduce(0) { $0 + of($1) }
  }

  /// Without a table every character that is not known to be wide takes one cell; drawing sets the cursor anew after
  /// each, so that a terminal which thinks otherwise spoils that one alone.
  static func of(_ scalar: Unicode.Scalar) -> Int {
    if scalar.isASCII { return (0x20..<0x7f).contains(scalar.value) ? 1 : 0 }
    switch scalar.properties.generalCategory {
    case .control, .format, .nonspacingMark, .enclosingMark, .lineSeparator, .paragraphSeparator: return 0
    default: break
    }
    if scalar.properties.isEmojiPresentation && !isRegional(scalar) { return 2 }
    guard let locale = table.locale else { return 1 }
    let before = uselocale(locale)
    defer { uselocale(before) }
    let width = wcwidth(Int32(bitPattern: scalar.value))
    return width < 0 ? 1 : Int(width)
  }

  /// Flags, families, skin tones, and signs that are asked to be shown as a picture.
  private static func isPicture(_ first: Unicode.Scalar, _ scalars: Character.UnicodeScalarView) -> Bool {
    first.properties.isEmojiPresentation || scalars.contains("\u{FE0F}")
  }

  private static func isRegional(_ scalar: Unicode.Scalar) -> Bool { (0x1F1E6...0x1F1FF).contains(scalar.value) }
}
