import QuarryCore

/// Takes secrets out of configuration values that are shown.
enum Redaction {
  static let mark = "***"

  /// The value as it may be shown: nothing of what is secret by its name, and of a URL no password, no query and, but
  /// for a database or a socket, no path: webhooks and browser services keep their tokens there.
  static func shown(_ value: JSONValue, key: String) -> JSONValue {
    guard value != .null else { return value }
    if isSecret(key) { return .string(mark) }
    guard case .string(let text) = value else { return value }
    return .string(url(text))
  }

  /// By the last word of a dotted key, and for everything below `headers`.
  static func isSecret(_ key: String) -> Bool {
    let words = key.split(separator: ".")
    if words.dropLast().contains("headers") { return true }
    let name = words.last?.lowercased() ?? ""
    return ["password", "token", "secret"].contains { name.hasSuffix($0) } || name.hasSuffix("access_key")
  }

  /// A word of a command line as complaints repeat it: an address may stand where none is wanted, and bear a password.
  static func word(_ word: String) -> String {
    if word.contains("://") { return url(word) }
    guard let at = word.lastIndex(of: "@"), word[..<at].contains(":") else { return word }
    return mark + word[at...]
  }

  private static let plainPaths = [
    "redis", "rediss", "redis+sentinel", "rediss+sentinel", "unix", "redis+unix", "file", "s3",
  ]

  private static func url(_ text: String) -> String {
    guard let scheme = text.firstRange(of: "://") else { return text }
    let name = text[..<scheme.lowerBound]
    let rest = text[scheme.upperBound...]
    // The last @: a password may hold what should have been escaped.
    let at = rest.lastIndex(of: "@")
    let place = at.map { rest[rest.index(after: $0)...] } ?? rest
    let end = place.firstIndex { "/?#".contains($0) } ?? place.endIndex
    let path = place[end...]
    let isFamiliar = plainPaths.contains(name.lowercased())
    // Among the options of an address: where they begin is not certain before what should have been escaped.
    if isFamiliar, rest.contains("password=") { return "\(name)://\(mark)" }
    let isPlain = path.isEmpty || path == "/" || isFamiliar
    // A token for a web service may stand where a user's name would.
    let credentials = at.map { isFamiliar ? login(rest[..<$0]) : "\(mark)@" } ?? ""
    return "\(name)://\(credentials)\(place[..<end])\(isPlain ? String(path) : "/\(mark)")"
  }

  /// `user:***@` for `user:password`.
  private static func login(_ text: Substring) -> String {
    let user = text.firstIndex(of: ":").map { "\(text[..<$0]):" } ?? ""
    return "\(user)\(mark)@"
  }
}
