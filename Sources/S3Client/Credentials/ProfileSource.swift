/// A profile of AWS's files: keys, a role for a web identity, or a role that another profile may assume.
struct ProfileSource: Sendable {
  /// What profiles may say and nobody here does.
  private static let unbuilt = [
    "credential_process": "runs a program", "sso_session": "signs in through a browser",
    "sso_start_url": "signs in through a browser", "mfa_serial": "asks for a code",
    "login_session": "signs in through a browser",
  ]

  let environment: S3Environment
  let request: CredentialRequest
  let region: String
  /// The others that a profile may name as the `credential_source` of its role.
  let named: [String: CredentialSource]

  var source: CredentialSource {
    CredentialSource("the profile of AWS's files") { () throws(S3Error) in try load() }
  }

  private func load() throws(S3Error) -> S3Credentials? {
    let profiles = try Profiles(environment)
    guard profiles[profiles.chosen] != nil else {
      guard profiles.isChosenByName else { return nil }
      throw .credentials("profile '\(profiles.chosen)' is not in \(profiles.places)", remedy: "correct AWS_PROFILE")
    }
    return try credentials(of: profiles.chosen, profiles, seen: [])
  }

  /// - Parameter seen: the profiles that led to this one.
  private func credentials(
    of name: String, _ profiles: Profiles, seen: [String]
  ) throws(S3Error) -> S3Credentials? {
    guard let profile = profiles[name] else {
      throw .credentials("profile '\(seen.last ?? name)' names a source_profile '\(name)' that is not there")
    }
    if let arn = profile["role_arn"] { return try role(arn, name, profile, profiles, seen) }
    if let keys = try Self.keys(of: name, profiles) { return keys }
    try Self.refuseUnbuilt(name, profile)
    return nil
  }

  private func role(
    _ arn: String, _ name: String, _ profile: ProfileFile.Section, _ profiles: Profiles, _ seen: [String]
  ) throws(S3Error) -> S3Credentials {
    try Self.refuseUnbuilt(name, profile)
    let service = SecurityTokenService(
      environment: environment, request: request, region: profile["region"] ?? region)
    let role = SecurityTokenService.Role(
      arn: arn, session: profile["role_session_name"], externalID: profile["external_id"],
      duration: profile["duration_seconds"])
    let source = "role \(arn) of profile '\(name)'"
    if let file = profile["web_identity_token_file"] {
      return try service.exchange(tokenFile: file, for: role, source: source)
    }
    return try service.assume(role, as: try signer(of: name, profile, profiles, seen), source: source)
  }

  private func signer(
    of name: String, _ profile: ProfileFile.Section, _ profiles: Profiles, _ seen: [String]
  ) throws(S3Error) -> S3Credentials {
    var found: S3Credentials?
    if let other = profile["source_profile"] {
      // A profile may name itself: then its own keys assume its role.
      if other == name {
        found = try Self.keys(of: name, profiles)
      } else {
        guard !seen.contains(other) else {
          throw .credentials("profile '\(name)' is its own source_profile in the end")
        }
        found = try credentials(of: other, profiles, seen: seen + [name])
      }
    } else if let other = profile["credential_source"] {
      guard let source = named[other] else {
        throw .credentials(
          "profile '\(name)' has an unknown credential_source '\(other)'",
          remedy: "use one of \(named.keys.sorted().joined(separator: ", "))")
      }
      found = try source.load()
    }
    guard let found else {
      throw .credentials("profile '\(name)' has a role_arn and nothing that may assume it")
    }
    return found
  }

  private static func keys(of name: String, _ profiles: Profiles) throws(S3Error) -> S3Credentials? {
    let profile = profiles[name] ?? [:]
    let (access, secret) = (profile["aws_access_key_id"], profile["aws_secret_access_key"])
    if access == nil && secret == nil { return nil }
    guard let access, let secret, !access.isEmpty, !secret.isEmpty else {
      throw .credentials("profile '\(name)' has only one of aws_access_key_id and aws_secret_access_key")
    }
    return S3Credentials(
      accessKey: access, secretKey: secret,
      sessionToken: profile["aws_session_token"].flatMap { $0.isEmpty ? nil : $0 },
      source: "profile '\(name)' of \(profiles.place(of: "aws_access_key_id", in: name))")
  }

  private static func refuseUnbuilt(_ name: String, _ profile: ProfileFile.Section) throws(S3Error) {
    for (setting, what) in unbuilt.sorted(by: { $0.key < $1.key }) where profile[setting] != nil {
      throw .credentials(
        "profile '\(name)' has a \(setting), which \(what); this client does not",
        remedy: "let 'aws configure export-credentials' write them where they can be read")
    }
  }
}
