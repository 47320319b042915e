/// The sections of AWS's two files, `config` and `credentials`.
struct ProfileFile: Sendable {
  typealias Section = [String: String]

  /// By profile name.
  private(set) var profiles: [String: Section] = [:]
  /// By the name of a `services` section, and the service: `s3`.
  private(set) var services: [String: [String: Section]] = [:]

  private enum Title {
    case profile(String)
    case services(String)
    /// `sso-session x`, and what else is of no use here.
    case other
  }

  /// Where the next line belongs.
  private struct Cursor {
    var title = Title.other
    /// The setting that indented lines below it are parts of.
    var group = ""
  }

  /// - Parameter isConfig: there a profile's section is called `profile NAME`, except for `default`.
  /// - Throws: `S3Error(.credentials)` with the line's number, never with its text, which may be a secret.
  init(_ text: String, path: String, isConfig: Bool) throws(S3Error) {
    var cursor = Cursor()
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let bare = line.trimmed
      if bare.isEmpty || bare.hasPrefix("#") || bare.hasPrefix(";") { continue }
      let isNested = line.first?.isWhitespace == true
      if bare.hasPrefix("["), !isNested {
        guard let end = bare.firstIndex(of: "]") else {
          throw .credentials("\(path), line \(index + 1): a section has no closing bracket")
        }
        cursor.title = Self.title(bare[bare.index(after: bare.startIndex)..<end].trimmed, isConfig: isConfig)
        if case .profile(let name) = cursor.title, profiles[name] == nil { profiles[name] = [:] }
      } else if let equals = bare.firstIndex(of: "=") {
        let value = Self.uncommented(bare[bare.index(after: equals)...].trimmed)
        set(bare[..<equals].trimmed.lowercased(), value, isNested: isNested, &cursor)
      } else if !isNested {
        throw .credentials("\(path), line \(index + 1): a setting has no '='")
      }
    }
  }

  /// Of nested settings only those of services are of any use here.
  private mutating func set(_ name: String, _ value: String, isNested: Bool, _ cursor: inout Cursor) {
    switch cursor.title {
    case .profile(let profile) where !isNested: profiles[profile, default: [:]][name] = value
    case .services(let title) where isNested: services[title]?[cursor.group, default: [:]][name] = value
    case .services(let title):
      cursor.group = name
      services[title, default: [:]][name] = services[title]?[name] ?? [:]
    case .profile, .other: break
    }
  }

  private static func title(_ title: String, isConfig: Bool) -> Title {
    guard isConfig else { return .profile(title) }
    let words = title.split(separator: " ", maxSplits: 1).map(\.trimmed)
    switch (words.first, words.count) {
    case ("profile", 2): return .profile(words[1])
    case ("services", 2): return .services(words[1])
    default: return title == "default" ? .profile(title) : .other
    }
  }

  /// A comment begins with a space and `#` or `;`; secrets themselves hold neither.
  private static func uncommented(_ value: String) -> String {
    let ends = [" #", " ;", "\t#", "\t;"].compactMap { value.firstRange(of: $0)?.lowerBound }
    return ends.min().map { value[..<$0].trimmed } ?? value
  }
}
