import HTTPClient
import QuarryCore

/// Posts `run_completed` JSON to a URL. Any 2xx is success; a 4xx is final; everything else may be tried again, a
/// redirect too: following it could carry the headers to somebody else.
package struct WebhookAdapter: NotificationAdapter {
  package let name = "webhook"
  package var destination: String { address.origin }

  private let address: HTTPAddress
  private let headers: [HTTPRequest.Header]
  private let timeout: Duration
  private let client: HTTPClient

  /// - Parameters:
  ///   - headers: sent with every try; one that is called `Content-Type` takes the place of JSON's.
  ///   - timeout: of each try.
  /// - Throws: `QuarryError(.usage)`, without showing URL or values.
  package init(url: String, headers: [(name: String, value: String)], timeout: Duration) throws(QuarryError) {
    do throws(HTTPError) {
      client = try HTTPClient()
      address = try HTTPAddress(url)
      var all: [HTTPRequest.Header] = []
      for header in headers {
        guard !Self.ownHeaders.contains(header.name.lowercased()) else {
          throw HTTPError("the header \(header.name) is made from the request itself")
        }
        all.append(try HTTPRequest.Header(header.name, header.value))
      }
      func add(_ name: String, _ value: String) throws(HTTPError) {
        if !all.contains(where: { $0.name.lowercased() == name.lowercased() }) {
          all.append(try HTTPRequest.Header(name, value))
        }
      }
      try add("Content-Type", "application/json")
      try add("User-Agent", "quarry/\(Version.current)")
      self.headers = all
    } catch {
      throw QuarryError(
        .usage, "the webhook cannot be used: \(error.message)",
        remedy: "write the URL as https://host/path and each header as name=value")
    }
    self.timeout = timeout
  }

  /// A wrong one would spoil every request.
  private static let ownHeaders: Set<String> = ["content-length", "host", "transfer-encoding", "connection"]

  /// Too slow, too early, too many: not a word about the notification itself.
  private static let refusedForNow: Set<Int> = [408, 425, 429]

  package func send(_ json: String, within limit: Duration?) throws(DeliveryFailure) {
    let request = HTTPRequest(
      "POST", address, headers: headers, body: Array(json.utf8), timeout: min(timeout, limit ?? timeout))
    let status: Int
    do throws(HTTPError) { status = try client.send(request) } catch { throw DeliveryFailure(error.message) }
    switch status {
    case 200..<300: return
    case 300..<400: throw DeliveryFailure("it answered \(status), a redirect; name the URL that it leads to")
    case 400..<500:
      throw DeliveryFailure(
        "it refused with \(status)", isFinal: true, isRefusal: !Self.refusedForNow.contains(status))
    default: throw DeliveryFailure("it answered \(status)")
    }
  }
}
