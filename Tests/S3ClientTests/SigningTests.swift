import Crypto
import S3Client
import Testing

/// The signer against AWS's published test suite and the examples of S3's documentation.
@Suite struct SigningTests {
  /// A case of `aws-sig-v4-test-suite`, as far as it differs from the others.
  struct Vector: Sendable, CustomTestStringConvertible {
    let name: String
    var method = "GET"
    var path = "/"
    var query: [(String, String)] = []
    var headers: [(String, String)] = []
    var body = ""
    let signature: String
    var testDescription: String { name }
  }

  private static let unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
  private static let sessionToken =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7"
    + "mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6"
    + "d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

  /// Those that normalise paths are left out: S3 has no such rule, and STS no other path than `/`.
  static let suite: [Vector] = [
    Vector(
      name: "get-header-key-duplicate",
      headers: [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
      signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
    Vector(
      name: "get-header-value-order",
      headers: [
        ("My-Header1", "value4"), ("My-Header1", "value1"), ("My-Header1", "value3"), ("My-Header1", "value2"),
      ],
      signature: "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"),
    Vector(
      name: "get-header-value-trim", headers: [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
      signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
    Vector(
      name: "get-unreserved", path: "/\(unreserved)",
      signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
    Vector(
      name: "get-utf8", path: "/ሴ", signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    Vector(
      name: "get-space", path: "/example space/",
      signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
    Vector(name: "get-vanilla", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    Vector(
      name: "get-vanilla-empty-query-key", query: [("Param1", "value1")],
      signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
    Vector(
      name: "get-vanilla-query-order-key", query: [("Param1", "value2"), ("Param1", "Value1")],
      signature: "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"),
    Vector(
      name: "get-vanilla-query-order-key-case", query: [("Param2", "value2"), ("Param1", "value1")],
      signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    Vector(
      name: "get-vanilla-query-order-value", query: [("Param1", "value2"), ("Param1", "value1")],
      signature: "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"),
    Vector(
      name: "get-vanilla-query-unreserved", query: [(unreserved, unreserved)],
      signature: "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
    Vector(
      name: "get-vanilla-utf8-query", query: [("ሴ", "bar")],
      signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
    Vector(
      name: "post-header-key-case", method: "POST",
      signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    Vector(
      name: "post-header-key-sort", method: "POST", headers: [("My-Header1", "value1")],
      signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
    Vector(
      name: "post-header-value-case", method: "POST", headers: [("My-Header1", "VALUE1")],
      signature: "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"),
    Vector(
      name: "post-sts-header-before", method: "POST", headers: [("X-Amz-Security-Token", sessionToken)],
      signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
    Vector(
      name: "post-vanilla-query", method: "POST", query: [("Param1", "value1")],
      signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
    Vector(
      name: "post-x-www-form-urlencoded", method: "POST",
      headers: [("Content-Type", "application/x-www-form-urlencoded")], body: "Param1=value1",
      signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
    Vector(
      name: "post-x-www-form-urlencoded-parameters", method: "POST",
      headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf8")], body: "Param1=value1",
      signature: "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"),
  ]

  @Test(arguments: suite) func passesThePublishedSuite(_ vector: Vector) {
    let credentials = S3Credentials(
      accessKey: "AKIDEXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", source: "the suite")
    let time = UTCTime(seconds: 1_440_938_160)
    #expect(time.compact == "20150830T123600Z")
    let request = Self.request(
      vector, hash: Self.hash(vector.body), more: [("Host", "example.amazonaws.com"), ("X-Amz-Date", time.compact)])
    let value = SigV4(region: "us-east-1", service: "service").authorization(request, credentials, at: time)
    #expect(value.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "))
    #expect(value.hasSuffix("Signature=\(vector.signature)"))
  }

  /// `examplebucket` of "Signature Calculations for the Authorization Header".
  static let examples: [Vector] = [
    Vector(
      name: "GET object", path: "/test.txt", headers: [("Range", "bytes=0-9")],
      signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    Vector(
      name: "PUT object", method: "PUT", path: "/test$file.text",
      headers: [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
      body: "Welcome to Amazon S3.", signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
    Vector(
      name: "GET bucket lifecycle", query: [("lifecycle", "")],
      signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    Vector(
      name: "list objects", query: [("max-keys", "2"), ("prefix", "J")],
      signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
  ]

  @Test(arguments: examples) func passesTheExamplesOfS3(_ vector: Vector) {
    let credentials = S3Credentials(
      accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", source: "S3")
    let time = UTCTime(seconds: 1_369_353_600)
    #expect(time.compact == "20130524T000000Z")
    let hash = Self.hash(vector.body)
    let request = Self.request(
      vector, hash: hash,
      more: [
        ("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-date", time.compact), ("x-amz-content-sha256", hash),
      ])
    let value = SigV4(region: "us-east-1", service: "s3").authorization(request, credentials, at: time)
    #expect(value.hasSuffix("Signature=\(vector.signature)"))
  }

  @Test func theCanonicalFormIsThatOfTheSuite() {
    let request = CanonicalRequest(
      method: "GET", path: "/a b/$", query: [.init(name: "b", value: "/"), .init(name: "a", value: "")],
      headers: [.init(name: "X-B", value: "  1   2 "), .init(name: "Host", value: "h")], payloadHash: "hash")
    #expect(request.text == "GET\n/a%20b/%24\na=&b=%2F\nhost:h\nx-b:1 2\n\nhost;x-b\nhash")
    #expect(request.target == "/a%20b/%24?a=&b=%2F")
  }

  @Test func readsTheTimesOfAWS() {
    let time = UTCTime(seconds: 1_369_353_600)
    #expect(UTCTime(iso: "2013-05-24T00:00:00Z") == time && UTCTime(iso: "2013-05-24T00:00:00.123Z") == time)
    #expect(UTCTime(http: "Fri, 24 May 2013 00:00:00 GMT") == time)
    for text in ["", "yesterday", "2013-05-24", "2013-05-24T00:00:00+02:00"] { #expect(UTCTime(iso: text) == nil) }
    for text in ["", "2013-05-24T00:00:00Z", "24 May 2013"] { #expect(UTCTime(http: text) == nil) }
  }

  private static func request(
    _ vector: Vector, hash: String, more: [(String, String)]
  ) -> CanonicalRequest {
    func pairs(_ list: [(String, String)]) -> [CanonicalRequest.Pair] {
      list.map { CanonicalRequest.Pair(name: $0.0, value: $0.1) }
    }
    return CanonicalRequest(
      method: vector.method, path: vector.path, query: pairs(vector.query), headers: pairs(vector.headers + more),
      payloadHash: hash)
  }

  private static func hash(_ body: String) -> String {
    SHA256.hash(data: Array(body.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
