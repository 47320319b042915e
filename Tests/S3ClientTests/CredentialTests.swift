import Foundation
import HTTPClient
import S3Client
import TestSupport
import TestTraits
import Testing

/// Every place that credentials may come from, against real servers and files.
@Suite(.ownThread) struct CredentialTests {
  private let folder = TemporaryDirectory()

  private func file(_ name: String, _ text: String) throws -> String {
    let path = "\(folder.path)/\(name)"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  /// - Parameter variables: in addition to a home that has nothing, and no instance's metadata.
  private func load(_ variables: [String: String]) throws -> S3Credentials? {
    let all = ["HOME": folder.path, "AWS_EC2_METADATA_DISABLED": "true"].merging(variables) { $1 }
    let chain = CredentialChain.standard(
      S3Environment(all), region: "eu-1", http: try HTTPClient(), clock: FastClock().clock())
    return try chain.load()
  }

  private func refusal(_ variables: [String: String]) -> String {
    let error = #expect(throws: S3Error.self) { try load(variables) }
    #expect(error?.kind == .credentials && error?.description.contains("canary") == false)
    return error?.reason ?? ""
  }

  @Test func nowhereIsNone() throws { #expect(try load([:]) == nil) }

  @Test func theEnvironmentComesFirst() throws {
    let path = try file("c", "[default]\naws_access_key_id=file\naws_secret_access_key=s\n")
    let keys = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SHARED_CREDENTIALS_FILE": path]
    let plain = try load(keys)
    #expect(plain == S3Credentials(accessKey: "a", secretKey: "b", source: "the environment"))
    #expect(try load(keys.merging(["AWS_SESSION_TOKEN": "t"]) { $1 })?.sessionToken == "t")
    #expect(refusal(["AWS_ACCESS_KEY_ID": "canary"]).contains("no AWS_SECRET_ACCESS_KEY"))
    #expect(refusal(["AWS_SECRET_ACCESS_KEY": "canary"]).contains("no AWS_ACCESS_KEY_ID"))
  }

  // MARK: Files

  private func files(config: String, credentials: String = "", _ more: [String: String] = [:]) throws -> [String:
    String]
  {
    [
      "AWS_CONFIG_FILE": try file("config", config),
      "AWS_SHARED_CREDENTIALS_FILE": try file("credentials", credentials),
    ].merging(more) { $1 }
  }

  @Test func profilesOfBothFiles() throws {
    let config = """
      # a comment
      [default]
      region = eu-7
      aws_access_key_id = config-default
      aws_secret_access_key = s
      [profile work]
      aws_access_key_id = config-work
      aws_secret_access_key = secret/with=equals+ ; a comment
      s3 =
        aws_access_key_id = nested
      [ignored]
      aws_access_key_id = no-profile
      [sso-session x]
      sso_region = eu-1
      """
    let credentials = """
      [default]
      aws_access_key_id = credentials-default
      aws_secret_access_key = t
      aws_session_token = token
      ; a comment
      [ignored]
      AWS_ACCESS_KEY_ID=ok
      aws_secret_access_key=u
      """
    let variables = try files(config: config, credentials: credentials)
    let first = try #require(try load(variables))
    #expect(first.accessKey == "credentials-default" && first.secretKey == "t" && first.sessionToken == "token")
    let work = try #require(try load(variables.merging(["AWS_PROFILE": "work"]) { $1 }))
    #expect(work.accessKey == "config-work" && work.secretKey == "secret/with=equals+")
    #expect(work.source == "profile 'work' of \(folder.path)/config")
    #expect(try load(variables.merging(["AWS_PROFILE": "ignored"]) { $1 })?.accessKey == "ok")
    #expect(
      refusal(variables.merging(["AWS_PROFILE": "none"]) { $1 }).contains("profile 'none' is not in \(folder.path)"))
  }

  @Test func theHomeFolderHasThem() throws {
    try FileManager.default.createDirectory(atPath: "\(folder.path)/.aws", withIntermediateDirectories: true)
    _ = try file(".aws/credentials", "[default]\naws_access_key_id=home\naws_secret_access_key=s\n")
    #expect(try load([:])?.accessKey == "home")
  }

  @Test(arguments: [
    ("[default\n", "line 1: a section has no closing bracket"),
    ("[default]\n\ncanary\n", "line 3: a setting has no '='"),
    ("[default]\naws_access_key_id=canary\n", "only one of"),
    ("[default]\nsso_session=canary\n", "has a sso_session, which signs in through a browser"),
    ("[default]\ncredential_process=canary\n", "has a credential_process, which runs a program"),
    ("[default]\nrole_arn=r\nmfa_serial=canary\n", "has a mfa_serial"),
    ("[default]\nrole_arn=r\n", "nothing that may assume it"),
    ("[default]\nrole_arn=r\nsource_profile=x\n", "names a source_profile 'x' that is not there"),
    ("[default]\nrole_arn=r\ncredential_source=Moon\n", "unknown credential_source 'Moon'"),
    (
      "[default]\nrole_arn=r\nsource_profile=a\n[profile a]\nrole_arn=r\nsource_profile=default\n",
      "its own source_profile"
    ),
    ("[default]\nrole_arn=r\nsource_profile=default\n", "nothing that may assume it"),
  ])
  func whatIsWrongInAFileIsSaid(_ config: String, _ reason: String) throws {
    #expect(refusal(try files(config: config)).contains(reason))
  }

  @Test func aFileThatCannotBeReadIsNamed() throws {
    #expect(refusal(["AWS_CONFIG_FILE": folder.path]).contains("\(folder.path) cannot be read"))
  }

  // MARK: STS

  private static func roleCredentials(_ action: String) -> String {
    """
    <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(action)Result><Credentials>
    <AccessKeyId>role-key</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>
    <SessionToken>role-token</SessionToken><Expiration>2013-05-24T00:00:00Z</Expiration>
    </Credentials></\(action)Result></\(action)Response>
    """
  }

  private func form(_ request: HTTPServer.Request?) -> [String: String] {
    let pairs = (request?.body ?? "").split(separator: "&").map {
      $0.split(separator: "=", maxSplits: 1).map(String.init)
    }
    return Dictionary(pairs.map { ($0[0], $0.count > 1 ? $0[1] : "") }) { $1 }
  }

  @Test func aWebIdentityBecomesARole() throws {
    let sts = try HTTPServer { _, _ in .status(200, body: Self.roleCredentials("AssumeRoleWithWebIdentity")) }
    let token = try file("token", "to/ken+1\n")
    let variables = [
      "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_ROLE_SESSION_NAME": "s",
      "AWS_ENDPOINT_URL_STS": sts.url,
    ]
    let role = try #require(try load(variables))
    #expect(role.accessKey == "role-key" && role.secretKey == "role-secret" && role.sessionToken == "role-token")
    #expect(role.expiry == 1_369_353_600)
    let sent = form(sts.requests.first)
    #expect(sent["Action"] == "AssumeRoleWithWebIdentity" && sent["Version"] == "2011-06-15")
    #expect(sent["RoleArn"] == "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr" && sent["WebIdentityToken"] == "to%2Fken%2B1")
    #expect(sent["RoleSessionName"] == "s")
    #expect(sts.requests.first?.headers["authorization"] == nil)

    // The file is renewed by others: the next time its new content counts.
    _ = try file("token", "second")
    _ = try load(variables)
    #expect(form(sts.requests.last)["WebIdentityToken"] == "second")
    #expect(refusal(variables.merging(["AWS_ROLE_ARN": ""]) { $1 }).contains("AWS_ROLE_ARN is not"))
    try FileManager.default.removeItem(atPath: token)
    #expect(refusal(variables).contains("\(token), which is not there"))
  }

  @Test func aRefusedRoleIsNamedWithoutTheToken() throws {
    let error = "<Error><Code>AccessDenied\u{1b} canary</Code><Message>canary</Message></Error>"
    let body = "<ErrorResponse>\(error)</ErrorResponse>"
    let sts = try HTTPServer { _, _ in .status(403, body: body) }
    let reason = refusal([
      "AWS_WEB_IDENTITY_TOKEN_FILE": try file("token", "canary"), "AWS_ROLE_ARN": "arn:r",
      "AWS_ENDPOINT_URL_STS": sts.url,
    ])
    #expect(reason == "AWS STS refuses AssumeRoleWithWebIdentity of arn:r with 403 (AccessDenied  ***)")
  }

  @Test(arguments: ["", "<a/>", "{}"]) func anAnswerOfSTSThatIsNoneIsSaid(_ body: String) throws {
    let sts = try HTTPServer { _, _ in .status(200, body: body) }
    let reason = refusal([
      "AWS_WEB_IDENTITY_TOKEN_FILE": try file("token", "canary"), "AWS_ROLE_ARN": "arn:r",
      "AWS_ENDPOINT_URL_STS": sts.url,
    ])
    #expect(reason.hasPrefix("AWS STS's answer to AssumeRoleWithWebIdentity"))
  }

  @Test func anotherProfileAssumesARole() throws {
    let sts = try HTTPServer { _, _ in .status(200, body: Self.roleCredentials("AssumeRole")) }
    let config = """
      [profile role]
      role_arn = arn:r
      source_profile = keys
      external_id = x y
      duration_seconds = 900
      region = eu-9
      """
    let variables = try files(
      config: config, credentials: "[keys]\naws_access_key_id=k\naws_secret_access_key=canary\naws_session_token=t\n",
      ["AWS_PROFILE": "role", "AWS_ENDPOINT_URL_STS": sts.url])
    #expect(try load(variables)?.sessionToken == "role-token")
    let request = try #require(sts.requests.first)
    let sent = form(request)
    #expect(sent["Action"] == "AssumeRole" && sent["ExternalId"] == "x%20y" && sent["DurationSeconds"] == "900")
    #expect(request.headers["authorization"]?.contains("Credential=k/") == true)
    #expect(request.headers["authorization"]?.contains("/eu-9/sts/aws4_request") == true)
    #expect(request.headers["x-amz-security-token"] == "t")
    #expect(!"\(request.headers)\(request.body)".contains("canary"))
  }

  /// Another program's STS takes the same requests.
  @Test func aRealServiceAssumesRoles() throws {
    let upstream = try S3Server.moto.upstream()
    let sts = ["AWS_ENDPOINT_URL_STS": "http://\(upstream.address):\(upstream.port)"]
    let arn = "arn:aws:iam::123456789012:role/r"
    let web = try load(
      sts.merging(["AWS_WEB_IDENTITY_TOKEN_FILE": try file("token", "t"), "AWS_ROLE_ARN": arn]) { $1 })
    let config =
      "[profile r]\nrole_arn=\(arn)\nsource_profile=k\n[profile k]\naws_access_key_id=a\naws_secret_access_key=b\n"
    let assumed = try load(
      sts.merging(["AWS_CONFIG_FILE": try file("config", config), "AWS_PROFILE": "r"]) { $1 })
    for role in [web, assumed] {
      #expect(role?.sessionToken?.isEmpty == false && role?.expiry ?? 0 > S3Clock.system.now())
    }
  }

  // MARK: Containers

  private static func document(_ key: String, expiration: String = "2013-05-24T00:00:00Z") -> String {
    #"{"AccessKeyId":"\#(key)","SecretAccessKey":"secret","Token":"token","Expiration":"\#(expiration)","RoleArn":"x"}"#
  }

  @Test func aContainersHostHandsThemOut() throws {
    let host = try HTTPServer { _, number in
      number == 1 ? .status(500) : .status(200, body: Self.document("container"))
    }
    let token = try file("token", "canary-1\n")
    let variables = [
      "AWS_CONTAINER_CREDENTIALS_FULL_URI": host.url + "/creds?x=1", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token,
    ]
    let found = try #require(try load(variables))
    #expect(found.accessKey == "container" && found.sessionToken == "token" && found.expiry == 1_369_353_600)
    #expect(host.requests.last?.line == "GET /creds?x=1 HTTP/1.1")
    #expect(host.requests.last?.headers["authorization"] == "canary-1")
    _ = try file("token", "canary-2")
    _ = try load(variables)
    #expect(host.requests.last?.headers["authorization"] == "canary-2")
  }

  @Test(arguments: [
    "http://10.0.0.1/", "http://127.0.0.1.example/", "http://localhost.example/", "http://169.254.170.2.example/",
    "ftp://127.0.0.1/", "canary",
  ])
  func aTokenGoesNowhereInTheClear(_ url: String) {
    let reason = refusal([
      "AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "canary",
    ])
    #expect(reason.hasPrefix("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
  }

  @Test(arguments: ["", "canary", "[]", #"{"AccessKeyId":"canary"}"#, document("canary", expiration: "canary")])
  func aDocumentThatIsNoneIsSaid(_ body: String) throws {
    let host = try HTTPServer { _, _ in .status(200, body: body) }
    #expect(refusal(["AWS_CONTAINER_CREDENTIALS_FULL_URI": host.url]).contains("the container's credentials"))
  }

  @Test func aHostThatIsAwayIsNamed() throws {
    let host = try HTTPServer { _, _ in .status(200) }
    host.close()
    let reason = refusal(["AWS_CONTAINER_CREDENTIALS_FULL_URI": host.url + "/canary"])
    #expect(reason.hasPrefix("the container's credentials at \(host.url) does not answer"))
  }

  // MARK: Instances

  private func metadata(role: String?) throws -> HTTPServer {
    let base = "/latest/meta-data/iam/security-credentials/"
    return try HTTPServer { request, _ in
      if request.line == "PUT /latest/api/token HTTP/1.1" {
        let isAsked = request.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600"
        return .status(isAsked ? 200 : 400, body: "imds-token")
      }
      guard request.headers["x-aws-ec2-metadata-token"] == "imds-token" else { return .status(401) }
      switch (request.line, role) {
      case ("GET \(base) HTTP/1.1", let role?): return .status(200, body: role)
      case ("GET \(base)\(role ?? "") HTTP/1.1", _?): return .status(200, body: Self.document("instance"))
      default: return .status(404)
      }
    }
  }

  @Test func anInstanceHasItsRole() throws {
    let server = try metadata(role: "role-1")
    let variables = ["AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url + "/"]
    #expect(try load(variables)?.accessKey == "instance")
    #expect(server.requests.count == 3)
    #expect(try load(variables.merging(["AWS_EC2_METADATA_DISABLED": "true"]) { $1 }) == nil)
    #expect(server.requests.count == 3)
  }

  @Test func anInstanceWithoutARoleHasNone() throws {
    let server = try metadata(role: nil)
    let endpoint = ["AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url]
    #expect(try load(endpoint) == nil)
  }

  @Test func aMetadataServiceThatRefusesIsNamed() throws {
    let server = try HTTPServer { _, _ in .status(403) }
    let endpoint = ["AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url]
    #expect(refusal(endpoint) == "the instance's metadata refuses a token with 403")
  }
}
