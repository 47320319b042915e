import HTTPClient

/// What a store says when it does not do what it was asked.
struct S3Refusal: Sendable {
  let status: Int
  /// As it came, to be compared and never shown: a short name of a key may be part of it.
  let code: String?
  let shownCode: String?
  let message: String?
  let requestID: String?
  /// Where the bucket is, if that is the matter.
  let region: String?
  let location: S3Endpoint?
  /// The store's clock.
  let date: UTCTime?
  /// Seconds that it wants to be left alone.
  let retryAfter: Int?

  /// - Parameters:
  ///   - body: up to some MiB; nothing in it is trusted.
  ///   - credentials: of the request; stores repeat what was signed. Taken out first, since of one that is cut in the
  ///     middle the rest would not be found.
  init(_ head: HTTPHead, _ body: [UInt8], to credentials: S3Credentials) {
    // A body that is none of S3's leaves the status alone to speak.
    let document = body.isEmpty ? nil : (try? XMLReader.read(body)).flatMap { $0.name == "Error" ? $0 : $0["Error"] }
    status = head.status
    code = document?["Code"]?.text.trimmed
    shownCode = code.map { credentials.redacted($0).shown(64) }
    message = (document?["Message"]?.text).map { credentials.redacted($0).shown(300) }
    requestID = (head["x-amz-request-id"] ?? document?["RequestId"]?.text).map { credentials.redacted($0).shown(80) }
    region = head["x-amz-bucket-region"] ?? document?["Region"]?.text.trimmed
    location = Self.location(head, document)
    date = head["date"].flatMap(UTCTime.init(http:))
    retryAfter = head["retry-after"].flatMap { Int($0) }.map { max(0, $0) }
  }

  private static func location(_ head: HTTPHead, _ document: XMLElement?) -> S3Endpoint? {
    guard (301...308).contains(head.status) else { return nil }
    var origins: [String] = []
    // Of an address only scheme, host and port: the path is ours.
    if let location = head["location"] {
      do throws(HTTPError) { origins.append(try HTTPAddress(location).origin) } catch {
        // What is no address leads nowhere; the document may name a host.
      }
    }
    if let host = document?["Endpoint"]?.text.trimmed, !host.isEmpty { origins.append("https://\(host)") }
    for origin in origins {
      if let endpoint = try? S3Endpoint(origin) { return endpoint }  // The next one, then.
    }
    return nil
  }
}

extension String {
  /// On one line and not long: it comes from outside and goes into messages.
  func shown(_ limit: Int) -> String {
    let plain = unicodeScalars.map { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? " " : Character($0) }
    let text = String(plain).trimmed
    return text.count > limit ? text.prefix(limit) + "…" : text
  }
}
