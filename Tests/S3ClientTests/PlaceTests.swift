import Foundation
import S3Client
import TestSupport
import Testing

/// Which address a key has.
@Suite struct PlaceTests {
  private let folder = TemporaryDirectory()

  private func place(
    _ bucket: String = "bucket-1", region: String? = nil, endpoint: String? = nil,
    style: S3Configuration.Style = .automatic, environment: [String: String] = [:], config: String? = nil
  ) throws -> S3Place {
    var environment = environment
    if let config {
      let path = "\(folder.path)/config"
      try config.write(toFile: path, atomically: true, encoding: .utf8)
      environment["AWS_CONFIG_FILE"] = path
    }
    var configuration = S3Configuration(bucket: bucket)
    (configuration.region, configuration.endpoint, configuration.style) = (region, endpoint, style)
    return try S3Place(configuration, S3Environment(environment))
  }

  @Test func theBucketStandsWhereItMay() throws {
    let aws = "https://bucket-1.s3.us-east-1.amazonaws.com/a/b"
    #expect(try place().url("a/b") == aws)
    #expect(try place(style: .path).url("a/b") == "https://s3.us-east-1.amazonaws.com/bucket-1/a/b")
    #expect(try place("with.dots").url("k") == "https://s3.us-east-1.amazonaws.com/with.dots/k")
    #expect(try place(endpoint: "https://store.example/").url("k") == "https://bucket-1.store.example/k")
    for endpoint in ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:9000", "http://minio"] {
      #expect(try place(endpoint: endpoint).url("k") == "\(endpoint)/bucket-1/k")
    }
    #expect(
      try place(endpoint: "http://localhost:9000", style: .virtualHost).url("k") == "http://bucket-1.localhost:9000/k")
    #expect(try place(endpoint: "https://Store.example:443").url("k") == "https://bucket-1.store.example/k")
  }

  @Test func theRegionComesFromTheNearest() throws {
    let environment = ["AWS_REGION": "eu-1", "AWS_DEFAULT_REGION": "eu-2"]
    let config = "[default]\nregion = eu-3\n"
    func host(_ region: String) -> String { "https://bucket-1.s3.\(region).amazonaws.com/" }
    #expect(try place(region: "eu-0", environment: environment, config: config).url("") == host("eu-0"))
    #expect(try place(environment: environment, config: config).url("") == host("eu-1"))
    #expect(try place(environment: ["AWS_DEFAULT_REGION": "eu-2"]).url("") == host("eu-2"))
    #expect(try place(environment: ["AWS_REGION": ""], config: config).url("") == host("eu-3"))
    #expect(try place(region: "cn-north-1").url("") == "https://bucket-1.s3.cn-north-1.amazonaws.com.cn/")
  }

  @Test func theEndpointMayComeFromTheEnvironment() throws {
    let general = ["AWS_ENDPOINT_URL": "http://general:1"]
    #expect(try place(environment: general).url("k") == "http://general:1/bucket-1/k")
    let both = general.merging(["AWS_ENDPOINT_URL_S3": "http://own:2"]) { $1 }
    #expect(try place(environment: both).url("k") == "http://own:2/bucket-1/k")
    #expect(try place(endpoint: "http://given:3", environment: both).url("k") == "http://given:3/bucket-1/k")
    let ignored = both.merging(["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"]) { $1 }
    #expect(try place(environment: ignored).url("k") == "https://bucket-1.s3.us-east-1.amazonaws.com/k")
  }

  /// As AWS's tools look for it: variables, the services that the profile names, the profile.
  @Test func theEndpointMayComeFromTheProfile() throws {
    let config = """
      [default]
      endpoint_url = http://profile:1
      [profile minio]
      services = local
      endpoint_url = http://profile:2
      [services local]
      sts =
        endpoint_url = http://sts:3
      s3 =
        endpoint_url = http://services:4  # a comment
        addressing_style = path
      [profile ignoring]
      endpoint_url = http://profile:5
      ignore_configured_endpoint_urls = true
      """
    func url(_ environment: [String: String] = [:], endpoint: String? = nil) throws -> String {
      try place(endpoint: endpoint, environment: environment, config: config).url("k")
    }
    let minio = ["AWS_PROFILE": "minio"]
    #expect(try url() == "http://profile:1/bucket-1/k")
    #expect(try url(minio) == "http://services:4/bucket-1/k")
    #expect(try url(minio.merging(["AWS_ENDPOINT_URL": "http://own:6"]) { $1 }) == "http://own:6/bucket-1/k")
    #expect(try url(minio, endpoint: "http://given:7") == "http://given:7/bucket-1/k")
    let aws = "https://bucket-1.s3.us-east-1.amazonaws.com/k"
    #expect(try url(["AWS_PROFILE": "ignoring"]) == aws)
    #expect(try url(minio.merging(["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"]) { $1 }) == aws)
  }

  @Test func whatIsWrongWithAProfilesEndpointIsNamed() throws {
    func refusal(_ config: String) -> S3Error? { #expect(throws: S3Error.self) { try place(config: config) } }
    let path = refusal("[default]\nendpoint_url = http://store/canary\n")
    #expect(path?.kind == .configuration && path?.description.contains("canary") == false)
    #expect(path?.operation == "use the endpoint of profile 'default' of \(folder.path)/config")
    let services = refusal("[default]\nservices = local\n")
    #expect(services?.kind == .configuration && services?.reason.hasSuffix("has no [services local]") == true)
  }

  @Test(arguments: [
    "store.example", "ftp://store.example", "https://store.example/path", "https://canary@store.example", "",
    "https://store.example?canary", "https://store.example:canary",
  ])
  func anEndpointIsSchemeHostAndPort(_ endpoint: String) throws {
    let error = #expect(throws: S3Error.self) { try place(endpoint: endpoint) }
    #expect(error?.kind == .configuration && error?.description.contains("canary") == false)
  }

  @Test(arguments: [
    "", "ab", "has space", "has/slash", String(repeating: "a", count: 64), "my..bucket", "abc-", "-abc", "abc.",
    "127.0.0.1",
  ])
  func aBucketHasAName(_ bucket: String) {
    for endpoint in [nil, "http://store"] {
      #expect(#expect(throws: S3Error.self) { try place(bucket, endpoint: endpoint) }?.kind == .configuration)
    }
  }

  @Test(arguments: ["T4B", "t4_b"]) func oldNamesAreForOtherStores(_ bucket: String) throws {
    #expect(#expect(throws: S3Error.self) { try place(bucket) }?.kind == .configuration)
    #expect(try place(bucket, endpoint: "http://store").url("k") == "http://store/\(bucket)/k")
  }

  @Test(arguments: ["", "eu.west", "eu west", "eu-west-1/"]) func aRegionHasAName(_ region: String) {
    #expect(#expect(throws: S3Error.self) { try place(region: region) }?.kind == .configuration)
  }
}
