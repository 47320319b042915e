/// How a cell looks.
package struct Style: Sendable, Equatable {
  /// Of the terminal's own palette, which its user has chosen to be readable.
  package enum Color: Int, Sendable {
    case red = 31
    case green = 32
    case yellow = 33
    case blue = 34
    case cyan = 36
  }

  package var color: Color?
  package var isBold = false
  package var isDim = false
  package var isReversed = false

  package init(_ color: Color? = nil, isBold: Bool = false, isDim: Bool = false, isReversed: Bool = false) {
    self.color = color
    self.isBold = isBold
    self.isDim = isDim
    self.isReversed = isReversed
  }

  package static let plain = Style()
  package static let bold = Style(isBold: true)
  package static let dim = Style(isDim: true)

  /// The sequence that sets this style and nothing else. Emphasis is no colour and stays without them.
  func sequence(isColored: Bool) -> String {
    var codes = ["0"]
    if isBold { codes.append("1") }
    if isDim { codes.append("2") }
    if isReversed { codes.append("7") }
    if isColored, let color { codes.append(String(color.rawValue)) }
    return "\u{1B}[" + codes.joined(separator: ";") + "m"
  }
}
