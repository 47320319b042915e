import FoundationEssentials

/// The JSON that containers and instances are handed.
struct CredentialDocument: Decodable {
  let accessKeyId: String
  let secretAccessKey: String
  let token: String?
  let expiration: String?

  private enum CodingKeys: String, CodingKey {
    case accessKeyId = "AccessKeyId"
    case secretAccessKey = "SecretAccessKey"
    case token = "Token"
    case expiration = "Expiration"
  }

  /// - Throws: `S3Error(.credentials)`, without any of the document.
  static func credentials(_ json: [UInt8], from source: String) throws(S3Error) -> S3Credentials {
    let document: CredentialDocument
    do { document = try JSONDecoder().decode(CredentialDocument.self, from: Data(json)) } catch {
      throw .credentials("what \(source) answers holds no credentials")
    }
    var expiry: UTCTime?
    if let text = document.expiration {
      guard let time = UTCTime(iso: text) else {
        throw .credentials("what \(source) answers holds an end of the credentials that cannot be read")
      }
      expiry = time
    }
    return S3Credentials(
      accessKey: document.accessKeyId, secretKey: document.secretAccessKey, sessionToken: document.token,
      expiry: expiry?.seconds, source: source)
  }
}
