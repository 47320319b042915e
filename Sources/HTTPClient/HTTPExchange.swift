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

  /// - Returns: the answer's head, after `consume` had all of its body.
  func perform(_ consume: HTTPTransfer.Consumer) throws(HTTPError) -> HTTPHead {
    let headers = try headerList()
    defer { library.freeList(headers) }
    quarry_curl_set_pointer(library.setOption, handle, CURLOPT_HTTPHEADER, headers)
    setAddress()
    setLimits()
    let (code, transfer) = withoutActuallyEscaping(consume) { consume in
      let transfer = HTTPTransfer(body: request.body, consume: consume)
      defer { transfer.forgetConsumer() }
      attach(transfer)
      return (library.perform(handle), transfer)
    }
    guard code == CURLE_OK else { throw failure(code, isStopped: transfer.isStopped) }
    // To the library a head may end with its connection, and the answer then has no body.
    guard transfer.isHeadWhole else {
      throw HTTPError(.interrupted, "the connection ended inside the answer's headers")
    }
    return transfer.head
  }

  private func setAddress() {
    let set = library.setOption
    quarry_curl_set_text(set, handle, CURLOPT_URL, request.address.url)
    // A key of a bucket may hold "..": nobody but its owner may read anything into it.
    quarry_curl_set_long(set, handle, CURLOPT_PATH_AS_IS, 1)
    if !request.usesProxy { quarry_curl_set_text(set, handle, CURLOPT_PROXY, "") }
    if request.method == "HEAD" { quarry_curl_set_long(set, handle, CURLOPT_NOBODY, 1) }
    quarry_curl_set_text(set, handle, CURLOPT_CUSTOMREQUEST, request.method)
  }

  private func setLimits() {
    let set = library.setOption
    quarry_curl_set_long(set, handle, CURLOPT_TIMEOUT_MS, request.timeout.curlMilliseconds)
    quarry_curl_set_long(
      set, handle, CURLOPT_CONNECTTIMEOUT_MS, min(request.timeout, request.connectTimeout).curlMilliseconds)
    if let stall = request.stallTimeout {
      quarry_curl_set_long(set, handle, CURLOPT_LOW_SPEED_LIMIT, 1)
      quarry_curl_set_long(set, handle, CURLOPT_LOW_SPEED_TIME, (stall.curlMilliseconds + 999) / 1_000)
    }
    // Without it the library would use signals for its time limits.
    quarry_curl_set_long(set, handle, CURLOPT_NOSIGNAL, 1)
  }

  /// The body is read by a callback that cannot be set back: that keeps the library from sending it twice when a kept
  /// connection breaks after the server may have acted on it.
  private func attach(_ transfer: HTTPTransfer) {
    let (set, pointer) = (library.setOption, Unmanaged.passUnretained(transfer).toOpaque())
    if request.hasBody {
      quarry_curl_set_long(set, handle, CURLOPT_UPLOAD, 1)
      quarry_curl_set_size(set, handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(request.body.count))
      quarry_curl_set_source(set, handle) { buffer, size, count, user in
        guard let buffer, let user else { return 0 }
        return HTTPTransfer.of(user).read(UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
      }
      quarry_curl_set_pointer(set, handle, CURLOPT_READDATA, pointer)
    }
    quarry_curl_set_sink(set, handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, user in
      guard let user else { return 0 }
      return HTTPTransfer.of(user).takeHead(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
    quarry_curl_set_pointer(set, handle, CURLOPT_HEADERDATA, pointer)
    quarry_curl_set_sink(set, handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, user in
      guard let user else { return 0 }
      return HTTPTransfer.of(user).takeBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
    quarry_curl_set_pointer(set, handle, CURLOPT_WRITEDATA, pointer)
  }

  private func headerList() throws(HTTPError) -> CurlLibrary.List? {
    var list: CurlLibrary.List?
    // By itself the library asks before it sends a body above 1 MiB.
    for line in [request.asksFirst ? "Expect: 100-continue" : "Expect:"] + request.headers.map(Self.line) {
      guard let longer = library.append(list, line) else {
        library.freeList(list)
        throw HTTPError("no memory is left for a header")
      }
      list = longer
    }
    return list
  }

  /// A header without a value ends in a semicolon, or the library would leave it out.
  private static func line(_ header: HTTPRequest.Header) -> String {
    header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
  }

  /// The library's general sentence for a failure: its detailed ones may repeat parts of the address.
  private func failure(_ code: CURLcode, isStopped: Bool) -> HTTPError {
    if isStopped { return HTTPError(.stopped, "its answer was longer than it may be, or not wanted any more") }
    let text = library.describe(code).map { String(cString: $0) } ?? "libcurl's error \(code.rawValue)"
    switch code {
    case CURLE_OPERATION_TIMEDOUT: return HTTPError(.timedOut, timedOut)
    case CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR:
      return HTTPError(.unreachable, text)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE: return HTTPError(.untrusted, text)
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: return HTTPError(.invalid, text)
    default: return HTTPError(.interrupted, text)
    }
  }

  private var timedOut: String {
    guard let stall = request.stallTimeout, stall < request.timeout else {
      return "no answer within \(request.timeout.curlMilliseconds) ms"
    }
    // A day and more stand for no limit.
    guard request.timeout < .seconds(86_400) else { return "no byte within \(stall.curlMilliseconds) ms" }
    return "no answer within \(request.timeout.curlMilliseconds) ms, or no byte within \(stall.curlMilliseconds) ms"
  }
}

extension Duration {
  /// At least 1: the library takes 0 for no limit at all.
  fileprivate var curlMilliseconds: Int {
    let (seconds, attoseconds) = components
    let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000)
    return overflows ? .max : Int(max(1, whole + attoseconds / 1_000_000_000_000_000))
  }
}
