/// Puts environment variables into a configuration's text before it is parsed.
package struct EnvironmentExpansion: Sendable {
  /// A variable that was put in.
  struct Replacement: Sendable {
    let name: String
    /// False when the variable is unset or empty: then the text's own default stands there, or nothing.
    let isGiven: Bool
    /// Where its value stands in the expanded text, in Unicode scalars.
    let range: Range<Int>
  }

  package private(set) var text = ""
  private(set) var replacements: [Replacement] = []
  private var length = 0

  /// Replaces `${NAME}` by the variable's value, empty when it is unset, and `${NAME:-text}` by `text` when the
  /// variable is unset or empty. Everything else stays, `$NAME` and `${not a name}` too.
  package init(_ text: String, environment: [String: String]) {
    var rest = Substring(text)
    while let opening = rest.firstRange(of: "${") {
      append(rest[..<opening.lowerBound])
      let inner = rest[opening.upperBound...]
      guard let closing = inner.firstIndex(of: "}"), let variable = Variable(inner[..<closing]) else {
        append("${")
        rest = inner
        continue
      }
      put(variable, environment[variable.name] ?? "")
      rest = inner[inner.index(after: closing)...]
    }
    append(rest)
  }

  package static func expand(_ text: String, environment: [String: String]) -> String {
    EnvironmentExpansion(text, environment: environment).text
  }

  private mutating func append(_ piece: Substring) {
    text += piece
    length += piece.unicodeScalars.count
  }

  private mutating func put(_ variable: Variable, _ value: String) {
    let start = length
    append(value.isEmpty ? variable.standIn : Substring(value))
    replacements.append(Replacement(name: variable.name, isGiven: !value.isEmpty, range: start..<length))
  }

  /// What stands between `${` and `}`.
  private struct Variable {
    let name: String
    let standIn: Substring

    init?(_ expression: Substring) {
      let marker = expression.firstRange(of: ":-")
      name = String(expression[..<(marker?.lowerBound ?? expression.endIndex)])
      standIn = marker.map { expression[$0.upperBound...] } ?? ""
      guard Self.isName(name) else { return nil }
    }

    private static func isName(_ text: String) -> Bool {
      guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
      return text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
    }
  }
}
