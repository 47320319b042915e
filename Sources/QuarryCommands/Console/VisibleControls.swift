extension String {
  /// What a terminal would obey, and what would turn the direction of a line, is written as `\u0000`; lines and tabs stay.
  var withVisibleControls: String { visible { $0 == "\n" || $0 == "\t" } }

  /// The same for what is to stay on its line.
  var onOneLine: String { visible { _ in false } }

  private func visible(_ isPlain: (Unicode.Scalar) -> Bool) -> String {
    guard unicodeScalars.contains(where: { Self.isObeyed($0) && !isPlain($0) }) else { return self }
    return unicodeScalars.map { Self.isObeyed($0) && !isPlain($0) ? Self.code(of: $0) : String($0) }.joined()
  }

  private static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
    // Most text is of such.
    if (0x20..<0x7f).contains(scalar.value) { return false }
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: return true
    // Joiners and the tags of flags are part of the characters beside them.
    case .format: return !(0x200C...0x200D).contains(scalar.value) && !(0xE0020...0xE007F).contains(scalar.value)
    default: return false
    }
  }

  private static func code(of scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return #"\n"#
    case "\t": return #"\t"#
    default:
      let digits = String(scalar.value, radix: 16)
      return #"\u"# + String(repeating: "0", count: digits.count < 4 ? 4 - digits.count : 0) + digits
    }
  }
}
