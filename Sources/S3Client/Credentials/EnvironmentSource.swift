extension CredentialSource {
  /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, of temporary credentials, `AWS_SESSION_TOKEN`.
  static func environment(_ environment: S3Environment) -> CredentialSource {
    CredentialSource("the environment") { () throws(S3Error) in
      let (access, secret) = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
      if access == nil && secret == nil { return nil }
      guard let access, let secret else {
        throw .credentials(
          "the environment has \(access == nil ? "no AWS_ACCESS_KEY_ID" : "no AWS_SECRET_ACCESS_KEY")",
          remedy: "set both or neither")
      }
      return S3Credentials(
        accessKey: access, secretKey: secret, sessionToken: environment["AWS_SESSION_TOKEN"],
        source: "the environment")
    }
  }
}
