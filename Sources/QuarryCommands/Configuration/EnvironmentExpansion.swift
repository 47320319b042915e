/// Puts environment variables into a configuration's text before it is parsed.
package enum EnvironmentExpansion {
  /// Replaces `${NAME}` by the variable's value, empty when it is unset, and `${NAME:-text}` by `text` when the
  /// variable is unset or empty. Everything else stays, `$NAME` and `${not a name}` too.
  package static func expand(_ text: String, environment: [String: String]) -> String {
    var out = ""
    var rest = Substring(text)
    while let opening = rest.firstRange(of: "${") {
      out += rest[..<opening.lowerBound]
      let inner = rest[opening.upperBound...]
      guard let closing = inner.firstIndex(of: "}"), let value = value(of: inner[..<closing], environment) else {
        out += "${"
        rest = inner
        continue
      }
      out += value
      rest = inner[inner.index(after: closing)...]
    }
    return out + rest
  }

  private static func value(of expression: Substring, _ environment: [String: String]) -> String? {
    let marker = expression.firstRange(of: ":-")
    let name = String(expression[..<(marker?.lowerBound ?? expression.endIndex)])
    guard isName(name) else { return nil }
    let value = environment[name] ?? ""
    guard let marker, value.isEmpty else { return value }
    return String(expression[marker.upperBound...])
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
