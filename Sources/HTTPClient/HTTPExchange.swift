import CCurl

/// One request on one handle.
struct HTTPExchange {
  private let request: HTTPRequest
  private let library: CurlLibrary
  private let handle: CurlLibrary.Handle

  init(_ request: HTTPRequest, _ library: CurlLibrary, _ handle: CurlLibrary.Handle) {
    self.request = request
    self.library = library
    self.handle = handle
  }

  /// - Returns: the answer's status.
  func perform() throws(HTTPError) -> Int {
    let headers = headerList()
    defer { library.freeList(headers) }
    let (set, milliseconds) = (library.setOption, Int(clamping: max(1, request.timeout.wholeMilliseconds)))
    quarry_curl_set_text(set, handle, CURLOPT_URL, request.address.url)
    quarry_curl_set_text(set, handle, CURLOPT_CUSTOMREQUEST, request.method)
    quarry_curl_set_pointer(set, handle, CURLOPT_HTTPHEADER, headers)
    quarry_curl_set_long(set, handle, CURLOPT_TIMEOUT_MS, milliseconds)
    quarry_curl_set_long(set, handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds)
    // Without it the library would use signals for its time limits.
    quarry_curl_set_long(set, handle, CURLOPT_NOSIGNAL, 1)
    quarry_curl_set_sink(set, handle) { _, size, count, _ in size * count }
    let code = request.body.withUnsafeBytes { body in
      quarry_curl_set_size(set, handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
      quarry_curl_set_pointer(set, handle, CURLOPT_POSTFIELDS, body.baseAddress)
      return library.perform(handle)
    }
    guard code == CURLE_OK else { throw HTTPError(reason(code)) }
    var status = 0
    quarry_curl_get_long(library.readInformation, handle, CURLINFO_RESPONSE_CODE, &status)
    return status
  }

  private func headerList() -> CurlLibrary.List? {
    var list: CurlLibrary.List?
    // A large body is sent at once; servers that know nothing of this header would only cost a second.
    for line in ["Expect:"] + request.headers.map(Self.line) { list = library.append(list, line) ?? list }
    return list
  }

  /// A header without a value ends in a semicolon, or the library would leave it out.
  private static func line(_ header: HTTPRequest.Header) -> String {
    header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
  }

  /// The library's general sentence for a failure: its detailed ones may repeat parts of the address.
  private func reason(_ code: CURLcode) -> String {
    if code == CURLE_OPERATION_TIMEDOUT { return "no answer within \(request.timeout.wholeMilliseconds) ms" }
    return library.describe(code).map { String(cString: $0) } ?? "libcurl's error \(code.rawValue)"
  }
}

extension Duration {
  fileprivate var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
  }
}
