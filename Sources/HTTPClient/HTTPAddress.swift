import CCurl

/// An `http` or `https` address. Its description shows neither user and password nor path and query, which may be
/// secrets too: many webhooks are known by their path alone.
package struct HTTPAddress: Sendable, Hashable {
  /// As it was given.
  let url: String
  /// `https://host[:port]`, all that is ever shown.
  package let origin: String

  /// - Throws: `HTTPError` for what is no such address; the message repeats none of it.
  package init(_ url: String) throws(HTTPError) {
    let library = try CurlLibrary.loaded()
    guard let parts = library.makeURL() else { throw HTTPError("no memory is left for an address") }
    defer { library.freeURL(parts) }
    func part(_ part: CURLUPart) -> String? {
      var text: UnsafeMutablePointer<CChar>?
      guard library.part(parts, part, &text, 0) == CURLUE_OK, let text else { return nil }
      defer { library.free(text) }
      return String(cString: text)
    }
    guard library.setPart(parts, CURLUPART_URL, url, 0) == CURLUE_OK,
      let scheme = part(CURLUPART_SCHEME), let host = part(CURLUPART_HOST), !host.isEmpty
    else { throw HTTPError("the address cannot be read") }
    guard ["http", "https"].contains(scheme) else { throw HTTPError("it is neither of http nor of https") }
    self.url = url
    origin = "\(scheme)://\(host)" + (part(CURLUPART_PORT).map { ":\($0)" } ?? "")
  }
}

extension HTTPAddress: CustomStringConvertible, CustomDebugStringConvertible {
  package var description: String { origin }
  package var debugDescription: String { origin }
}
