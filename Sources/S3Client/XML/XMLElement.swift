/// An element of a document: text or children, as S3 writes them.
package struct XMLElement: Sendable, Equatable {
  /// Without a namespace's prefix.
  package let name: String
  /// All text directly in it.
  package var text = ""
  package var children: [XMLElement] = []

  /// The first child of that name.
  package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

  package func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }
}

package struct XMLError: Error, Sendable, Equatable {
  package let reason: String
}

enum XMLText {
  /// - Returns: nil for text that XML cannot hold in any form: control characters.
  static func escaped(_ text: String) -> String? {
    var out = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "\t", "\n", "\r": out += "&#\(character.value);"
      default:
        guard character.value >= 0x20, character.value < 0xFFFE || character.value > 0xFFFF else { return nil }
        out.unicodeScalars.append(character)
      }
    }
    return out
  }
}
