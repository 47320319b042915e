/// What a client asked, as far as anyone is answered here: the first line of an HTTP request.
enum MetricsRequest: Equatable {
  case metrics(isHead: Bool)
  case health(isHead: Bool)
  case refused(status: Int)

  static let longestHead = 8 << 10

  /// - Returns: nil while the head is not whole.
  init?(head bytes: [UInt8]) {
    let text = bytes.filter { $0 != UInt8(ascii: "\r") }
    guard let end = text.firstRange(of: [UInt8(ascii: "\n"), UInt8(ascii: "\n")]) else {
      guard bytes.count > Self.longestHead else { return nil }
      self = .refused(status: 431)
      return
    }
    let line = text[..<end.lowerBound].prefix { $0 != UInt8(ascii: "\n") }
    self = Self(line: String(decoding: line, as: UTF8.self))
  }

  private init(line: String) {
    let words = line.split(separator: " ")
    guard words.count == 3, words[2].hasPrefix("HTTP/1.") else {
      self = .refused(status: 400)
      return
    }
    guard words[0] == "GET" || words[0] == "HEAD" else {
      self = .refused(status: 405)
      return
    }
    switch words[1].prefix(while: { $0 != "?" }) {
    case "/metrics": self = .metrics(isHead: words[0] == "HEAD")
    case "/healthz": self = .health(isHead: words[0] == "HEAD")
    default: self = .refused(status: 404)
    }
  }
}

/// An answer, after which the connection is closed.
struct MetricsResponse {
  private static let reasons = [
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 431: "Request Header Fields Too Large",
    503: "Service Unavailable",
  ]
  let bytes: [UInt8]

  init(status: Int, body: String, type: String = "text/plain; charset=utf-8", isHead: Bool = false) {
    let body = Array(body.utf8)
    let head = """
      HTTP/1.1 \(status) \(Self.reasons[status] ?? "Error")\r
      Content-Type: \(type)\r
      Content-Length: \(body.count)\r
      \(status == 405 ? "Allow: GET, HEAD\r\n" : "")Connection: close\r
      \r

      """
    bytes = Array(head.utf8) + (isHead ? [] : body)
  }

  static func refusal(_ status: Int) -> MetricsResponse {
    MetricsResponse(
      status: status, body: (status == 404 ? "there are /metrics and /healthz" : reasons[status] ?? "") + "\n")
  }
}
