import HTTPClient
import PercentEncoding

/// Credentials of the role of an EC2 instance, from its metadata service, version 2: a token first, then the role's
/// name, then its credentials.
struct InstanceMetadataSource: Sendable {
  private static let name = "the instance's metadata"
  private static let path = "/latest/meta-data/iam/security-credentials/"

  let environment: S3Environment
  let request: CredentialRequest

  var source: CredentialSource {
    CredentialSource(Self.name) { () throws(S3Error) in try load() }
  }

  private func load() throws(S3Error) -> S3Credentials? {
    guard environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" else { return nil }
    guard let token = try token() else { return nil }
    let headers = [CanonicalRequest.Pair(name: "X-aws-ec2-metadata-token", value: token)]
    let names = try request.send("GET", base + Self.path, headers: headers, to: Self.name)
    // An instance without a role has no such page.
    if names.head.status == 404 { return nil }
    guard names.head.status == 200, let role = Self.text(names)?.split(separator: "\n").first else {
      throw .credentials("\(Self.name) does not name a role (\(names.head.status))")
    }
    let answer = try request.send(
      "GET", base + Self.path + PercentEncoding.escape(role.trimmed), headers: headers, to: Self.name)
    guard answer.head.status == 200 else {
      throw .credentials("\(Self.name) refuses the role's credentials with \(answer.head.status)")
    }
    return try CredentialDocument.credentials(answer.body, from: Self.name)
  }

  /// - Returns: nil when this machine is no instance: nobody answers there, or somebody else.
  private func token() throws(S3Error) -> String? {
    var quick = request
    // Elsewhere the address leads nowhere, and that must not cost much.
    quick.timeout = .seconds(1)
    quick.tries = 1
    let lifetime = CanonicalRequest.Pair(name: "X-aws-ec2-metadata-token-ttl-seconds", value: "21600")
    let isNamed = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] != nil
    let answer: HTTPResponse
    do throws(S3Error) {
      answer = try quick.send("PUT", base + "/latest/api/token", headers: [lifetime], to: Self.name)
    } catch {
      if isNamed { throw error }
      return nil
    }
    if answer.head.status == 200, let token = Self.text(answer), !token.isEmpty { return token }
    if isNamed { throw .credentials("\(Self.name) refuses a token with \(answer.head.status)") }
    return nil
  }

  private var base: String {
    let given = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
    let isIPv6 = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased() == "ipv6"
    let base = given ?? (isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254")
    return base.hasSuffix("/") ? String(base.dropLast()) : base
  }

  private static func text(_ response: HTTPResponse) -> String? {
    String(validating: response.body, as: UTF8.self)?.trimmed
  }
}
