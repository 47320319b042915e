/// The keys behind escape sequences, as xterm and those that follow it, rxvt and the Linux console send them.
enum KeySequence {
  /// `ESC O x`: keypad and cursor keys of a terminal in application mode.
  static func function(_ final: UInt8) -> Key? {
    final == UInt8(ascii: "M") ? .enter : cursor(final)
  }

  /// `ESC [ parameters x`. What is held with the key (`1;5A`: Ctrl) makes no difference.
  static func control(_ parameters: String, _ final: UInt8) -> Key? {
    guard final == UInt8(ascii: "~") else { return cursor(final) }
    switch parameters.prefix(while: { $0 != ";" }) {
    case "1", "7": return .home
    case "4", "8": return .end
    case "3": return .delete
    case "5": return .pageUp
    case "6": return .pageDown
    default: return nil
    }
  }

  private static func cursor(_ final: UInt8) -> Key? {
    switch final {
    case UInt8(ascii: "A"): .up
    case UInt8(ascii: "B"): .down
    case UInt8(ascii: "C"): .right
    case UInt8(ascii: "D"): .left
    case UInt8(ascii: "H"): .home
    case UInt8(ascii: "F"): .end
    default: nil
    }
  }
}
