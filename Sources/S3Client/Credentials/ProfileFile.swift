/// The sections of AWS's two files, `config` and `credentials`.
struct ProfileFile: Sendable {
  typealias Section = [String: String]

  /// By profile name.
  private(set) var profiles: [String: Section] = [:]

  /// - Parameter isConfig: there a profile's section is called `profile NAME`, except for `default`.
  /// - Throws: `S3Error(.credentials)` with the line's number, never with its text, which may be a secret.
  init(_ text: String, path: String, isConfig: Bool) throws(S3Error) {
    var current: String?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let bare = line.trimmed
      // Indented lines belong to nested settings (of S3's transfer options, say), of which none is used here.
      if bare.isEmpty || bare.hasPrefix("#") || bare.hasPrefix(";") || line.first?.isWhitespace == true { continue }
      if bare.hasPrefix("[") {
        guard let end = bare.firstIndex(of: "]") else {
          throw .credentials("\(path), line \(index + 1): a section has no closing bracket")
        }
        current = Self.profile(bare[bare.index(after: bare.startIndex)..<end].trimmed, isConfig: isConfig)
        if let current, profiles[current] == nil { profiles[current] = [:] }
        continue
      }
      guard let equals = bare.firstIndex(of: "=") else {
        throw .credentials("\(path), line \(index + 1): a setting has no '='")
      }
      guard let current else { continue }
      let value = bare[bare.index(after: equals)...].trimmed
      profiles[current, default: [:]][bare[..<equals].trimmed.lowercased()] = Self.uncommented(value)
    }
  }

  /// - Returns: nil for a section that is no profile: `sso-session x`, `services y`.
  private static func profile(_ title: String, isConfig: Bool) -> String? {
    let words = title.split(separator: " ", maxSplits: 1).map(\.trimmed)
    guard isConfig else { return title }
    if words.count == 2, words[0] == "profile" { return words[1] }
    return title == "default" ? title : nil
  }

  /// A comment begins with a space and `#` or `;`; secrets themselves hold neither.
  private static func uncommented(_ value: String) -> String {
    let ends = [" #", " ;", "\t#", "\t;"].compactMap { value.firstRange(of: $0)?.lowerBound }
    return ends.min().map { value[..<$0].trimmed } ?? value
  }
}

/// Both files together: what `credentials` says of a profile wins.
struct Profiles: Sendable {
  private let environment: S3Environment
  private var config: [String: ProfileFile.Section] = [:]
  private var credentials: [String: ProfileFile.Section] = [:]

  init(_ environment: S3Environment) throws(S3Error) {
    self.environment = environment
    if let path = environment.configPath, let text = try SmallFile.text(path) {
      config = try ProfileFile(text, path: path, isConfig: true).profiles
    }
    if let path = environment.credentialsPath, let text = try SmallFile.text(path) {
      credentials = try ProfileFile(text, path: path, isConfig: false).profiles
    }
  }

  /// The one that is meant when nobody names another.
  var chosen: String { environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"] ?? "default" }
  var isChosenByName: Bool { (environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"]) != nil }

  subscript(name: String) -> ProfileFile.Section? {
    guard let given = credentials[name] else { return config[name] }
    return given.merging(config[name] ?? [:]) { given, _ in given }
  }

  /// For messages.
  var places: String {
    [environment.configPath, environment.credentialsPath].compactMap { $0 }.joined(separator: " and ")
  }
}
