/// Who signs. Nothing of it is ever shown but where it came from.
package struct S3Credentials: Sendable, Equatable {
  package let accessKey: String
  package let secretKey: String
  /// Of temporary credentials.
  package let sessionToken: String?
  /// Unix seconds after which the server refuses them; nil when nobody said so.
  package let expiry: Int?
  /// For messages: `the environment`, `profile 'x' of /home/u/.aws/credentials`.
  package let source: String

  package init(
    accessKey: String, secretKey: String, sessionToken: String? = nil, expiry: Int? = nil, source: String
  ) {
    self.accessKey = accessKey
    self.secretKey = secretKey
    self.sessionToken = sessionToken
    self.expiry = expiry
    self.source = source
  }

  /// Whether both are of one key, whatever else was read about them.
  func isSameKey(as other: S3Credentials) -> Bool {
    accessKey == other.accessKey && secretKey == other.secretKey && sessionToken == other.sessionToken
  }

  /// Server messages may repeat parts of what was signed: nothing of the credentials stays in them.
  func redacted(_ text: String) -> String {
    [secretKey, sessionToken ?? "", accessKey].reduce(text) { text, secret in
      secret.isEmpty ? text : text.replacing(secret, with: "***")
    }
  }
}

extension S3Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "credentials of \(source)" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["source": source]) }
}
