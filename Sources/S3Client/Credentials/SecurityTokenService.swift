import Crypto
import HTTPClient
import PercentEncoding

/// AWS's service that exchanges a token, or other credentials, for those of a role.
struct SecurityTokenService: Sendable {
  private static let name = "AWS STS"
  private static let version = "2011-06-15"

  let environment: S3Environment
  let request: CredentialRequest
  let region: String

  struct Role: Sendable {
    let arn: String
    /// Nil takes a name of our own.
    var session: String?
    var externalID: String?
    /// Seconds; nil leaves the role's own.
    var duration: String?
  }

  /// `AssumeRoleWithWebIdentity`: the token in the file speaks for itself. The file is read every time, since it is
  /// renewed by others.
  func exchange(tokenFile: String, for role: Role, source: String) throws(S3Error) -> S3Credentials {
    let token = try SmallFile.token(tokenFile, of: "the web identity")
    let answer = try post(form("AssumeRoleWithWebIdentity", role) + [("WebIdentityToken", token)], signer: nil)
    let signer = S3Credentials(accessKey: "", secretKey: token, source: source)
    return try credentials(answer, action: "AssumeRoleWithWebIdentity", role: role, signer: signer, source: source)
  }

  /// `AssumeRole`, signed with the credentials that may do so.
  func assume(_ role: Role, as signer: S3Credentials, source: String) throws(S3Error) -> S3Credentials {
    let answer = try post(form("AssumeRole", role), signer: signer)
    return try credentials(answer, action: "AssumeRole", role: role, signer: signer, source: source)
  }

  private func form(_ action: String, _ role: Role) -> [(String, String)] {
    var form = [("Action", action), ("Version", Self.version), ("RoleArn", role.arn)]
    form.append(("RoleSessionName", role.session ?? "quarry-\(request.clock.now())"))
    if let id = role.externalID { form.append(("ExternalId", id)) }
    if let duration = role.duration { form.append(("DurationSeconds", duration)) }
    return form
  }

  private func post(_ form: [(String, String)], signer: S3Credentials?) throws(S3Error) -> HTTPResponse {
    let body = form.map { "\($0.0)=\(PercentEncoding.escape($0.1))" }.joined(separator: "&")
    let endpoint =
      if let given = try Profiles(environment).endpoint(of: "sts") { try S3Endpoint(given) } else {
        S3Endpoint(isSecure: true, host: "sts.\(region).\(AWSDomain.of(region))", port: nil)
      }
    var headers = [CanonicalRequest.Pair(name: "Content-Type", value: "application/x-www-form-urlencoded")]
    if let signer {
      let time = UTCTime(seconds: request.clock.now())
      headers.append(CanonicalRequest.Pair(name: "X-Amz-Date", value: time.compact))
      if let token = signer.sessionToken {
        headers.append(CanonicalRequest.Pair(name: "X-Amz-Security-Token", value: token))
      }
      let canonical = CanonicalRequest(
        method: "POST", path: "/", query: [],
        headers: headers + [CanonicalRequest.Pair(name: "Host", value: endpoint.authority)],
        payloadHash: Hex.text(SHA256.hash(data: Array(body.utf8))))
      let value = SigV4(region: region, service: "sts").authorization(canonical, signer, at: time)
      headers.append(CanonicalRequest.Pair(name: "Authorization", value: value))
    }
    var request = request
    request.usesProxy = true
    return try request.send("POST", endpoint.text + "/", headers: headers, body: body, to: Self.name)
  }

  /// - Parameter signer: what was sent, of which no message may repeat anything.
  private func credentials(
    _ answer: HTTPResponse, action: String, role: Role, signer: S3Credentials, source: String
  ) throws(S3Error) -> S3Credentials {
    guard answer.head.status == 200 else {
      // A body that is no XML leaves the status alone to speak.
      let code = (try? XMLReader.read(answer.body))?["Error"]?["Code"]?.text ?? "no reason"
      let shown = signer.redacted(code).shown(64)
      throw .credentials("\(Self.name) refuses \(action) of \(role.arn) with \(answer.head.status) (\(shown))")
    }
    let document: XMLElement
    do throws(XMLError) { document = try XMLReader.read(answer.body) } catch {
      throw .credentials("\(Self.name)'s answer to \(action) cannot be read: \(error.reason)")
    }
    let found = document["\(action)Result"]?["Credentials"]
    guard let access = found?["AccessKeyId"]?.text, let key = found?["SecretAccessKey"]?.text,
      let token = found?["SessionToken"]?.text, let end = (found?["Expiration"]?.text).flatMap(UTCTime.init(iso:))
    else { throw .credentials("\(Self.name)'s answer to \(action) holds no credentials") }
    return S3Credentials(
      accessKey: access, secretKey: key, sessionToken: token, expiry: end.seconds, source: source)
  }
}
