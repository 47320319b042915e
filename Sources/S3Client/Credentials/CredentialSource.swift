/// One place that credentials may come from.
package struct CredentialSource: Sendable {
  /// For messages: `the environment`.
  package let name: String
  /// - Returns: nil when nothing is set up there.
  /// - Throws: `S3Error(.credentials)` when something is set up there and does not work.
  package let load: @Sendable () throws(S3Error) -> S3Credentials?

  package init(_ name: String, load: @escaping @Sendable () throws(S3Error) -> S3Credentials?) {
    self.name = name
    self.load = load
  }

  /// The same credentials for ever.
  package static func fixed(_ credentials: S3Credentials) -> CredentialSource {
    CredentialSource(credentials.source) { credentials }
  }

  /// The first of these that has any.
  static func first(of sources: [CredentialSource]) -> CredentialSource {
    CredentialSource(sources.map(\.name).joined(separator: ", ")) { () throws(S3Error) in
      for source in sources {
        if let credentials = try source.load() { return credentials }
      }
      return nil
    }
  }
}

extension S3Error {
  /// - Parameter remedy: what to do, as an order.
  static func credentials(_ reason: String, remedy: String? = nil) -> S3Error {
    S3Error(.credentials, "find credentials", reason, advice: remedy)
  }
}
