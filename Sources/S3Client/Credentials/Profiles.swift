/// Both files together: what `credentials` says of a profile wins.
struct Profiles: Sendable {
  let environment: S3Environment
  private var config: [String: ProfileFile.Section] = [:]
  private var credentials: [String: ProfileFile.Section] = [:]
  /// By the name of a `services` section, and the service: `s3`.
  private(set) var services: [String: [String: ProfileFile.Section]] = [:]

  init(_ environment: S3Environment) throws(S3Error) {
    self.environment = environment
    if let path = environment.configPath, let text = try SmallFile.text(path) {
      let file = try ProfileFile(text, path: path, isConfig: true)
      (config, services) = (file.profiles, file.services)
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

  /// The file that says so; for messages.
  func place(of setting: String, in profile: String) -> String {
    let path = credentials[profile]?[setting] == nil ? environment.configPath : environment.credentialsPath
    return path ?? places
  }

  /// For messages.
  var places: String {
    [environment.configPath, environment.credentialsPath].compactMap { $0 }.joined(separator: " and ")
  }
}
