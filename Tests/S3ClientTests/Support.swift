import Foundation
import S3Client
import Synchronization
import TestSupport

extension S3Server {
  /// A client of the server's bucket, or of the proxy before it.
  func client(
    through proxy: HTTPServer? = nil, clock: S3Clock = .system, _ change: (inout S3Configuration) -> Void = { _ in }
  ) throws -> S3Client {
    let upstream = try upstream()
    return try S3Client.of(
      proxy?.url ?? "http://\(upstream.address):\(upstream.port)", clock: clock, credentials: .fixed(Self.credentials),
      change)
  }

  static let credentials = S3Credentials(accessKey: accessKey, secretKey: secretKey, source: "the tests")

  /// A proxy before the server: what `fault` answers takes the place of the server's answer.
  func proxy(
    _ fault: @escaping @Sendable (_ request: HTTPServer.Request, _ number: Int) -> HTTPServer.Answer?
  ) throws -> HTTPServer {
    let upstream = try upstream()
    return try HTTPServer { fault($0, $1) ?? .relay(to: upstream) }
  }
}

extension S3Client {
  static func of(
    _ endpoint: String, clock: S3Clock = .system,
    credentials: CredentialSource? = .fixed(S3Server.credentials), environment: [String: String] = [:],
    _ change: (inout S3Configuration) -> Void = { _ in }
  ) throws -> S3Client {
    var configuration = S3Configuration(bucket: S3Server.bucket)
    configuration.endpoint = endpoint
    configuration.region = "us-east-1"
    change(&configuration)
    return try S3Client(
      configuration, environment: S3Environment(environment), credentials: credentials, clock: clock)
  }
}

/// A key that no other test uses.
func freshKey(_ name: String = "key") -> String { "\(UUID().uuidString)/\(name)" }

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Bytes without a pattern that a lost or doubled piece could hide in.
func noise(_ count: Int) -> [UInt8] {
  var random = SystemRandomNumberGenerator()
  var out: [UInt8] = []
  out.reserveCapacity(count + 8)
  while out.count < count { withUnsafeBytes(of: random.next() as UInt64) { out.append(contentsOf: $0) } }
  return Array(out[..<count])
}

/// A clock on which waiting takes no time.
final class FastClock: Sendable {
  private let state = Mutex<(pauses: [Duration], ahead: Int)>(([], 0))

  var pauses: [Duration] { state.withLock { $0.pauses } }
  /// Seconds that it is ahead of this machine's.
  func set(ahead seconds: Int) { state.withLock { $0.ahead = seconds } }

  /// - Parameter chance: what every throw of the dice comes to.
  func clock(chance: Double = 1) -> S3Clock {
    S3Clock(
      now: { [self] in S3Clock.system.now() + state.withLock { $0.ahead } },
      uptime: { [self] in S3Clock.system.uptime() + pauses.reduce(.zero, +) },
      sleep: { [self] pause in state.withLock { $0.pauses.append(pause) } }, random: { chance })
  }
}
