import HTTPClient

/// Credentials that a container's host hands out: `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI`, with the
/// token of `AWS_CONTAINER_AUTHORIZATION_TOKEN[_FILE]`.
struct ContainerSource: Sendable {
  private static let name = "the container's credentials"
  private static let host = "http://169.254.170.2"
  /// Where a token may go without TLS: the machine itself and the hosts of ECS and EKS.
  private static let trusted = ["http://169.254.170.2", "http://169.254.170.23", "http://[fd00:ec2::23]"]

  let environment: S3Environment
  let request: CredentialRequest

  var source: CredentialSource {
    CredentialSource(Self.name) { () throws(S3Error) in try load() }
  }

  private func load() throws(S3Error) -> S3Credentials? {
    guard let url = try url() else { return nil }
    // The file's token is renewed by others: it is read every time.
    var token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
      token = try SmallFile.token(path, of: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    }
    let headers = token.map { [CanonicalRequest.Pair(name: "Authorization", value: $0)] } ?? []
    let answer = try request.send("GET", url, headers: headers, to: Self.name)
    guard answer.head.status == 200 else {
      throw .credentials("\(Self.name) are refused with \(answer.head.status)")
    }
    return try CredentialDocument.credentials(answer.body, from: Self.name)
  }

  private func url() throws(S3Error) -> String? {
    if let path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
      guard path.hasPrefix("/") else {
        throw .credentials("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash")
      }
      return Self.host + path
    }
    guard let url = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] else { return nil }
    let origin: String
    do throws(HTTPError) { origin = try HTTPAddress(url).origin } catch {
      throw .credentials("AWS_CONTAINER_CREDENTIALS_FULL_URI cannot be used: \(error.message)")
    }
    guard origin.hasPrefix("https://") || Self.isTrusted(origin) else {
      throw .credentials(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI names \(origin), to which a token would go in the clear",
        remedy: "use https or an address of this machine")
    }
    return url
  }

  private static func isTrusted(_ origin: String) -> Bool {
    let isHere = ["http://localhost", "http://[::1]"].contains { origin == $0 || origin.hasPrefix($0 + ":") }
    // Four numbers, or it might be the name of somebody's machine that begins like an address.
    let host = origin.dropFirst("http://".count).prefix { $0 != ":" && $0 != "/" }
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
    let isLoopback = numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
    return isHere || isLoopback || trusted.contains { origin == $0 || origin.hasPrefix($0 + ":") }
  }
}
