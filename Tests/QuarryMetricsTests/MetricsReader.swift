import QuarryMetrics
import TestSupport

/// Clients of a metrics server.
enum MetricsReader {
  static func connect(_ address: MetricsAddress) throws -> RawClient {
    switch address {
    case .tcp(_, let port): try RawClient(port: port)
    case .unix(let path): try RawClient(path: path)
    }
  }

  static func ask(_ address: MetricsAddress, _ request: String) async throws -> String {
    try await connect(address).ask(request)
  }

  static func get(_ address: MetricsAddress, _ path: String) async throws -> String {
    try await connect(address).get(path)
  }
}
