import CCurl
import Synchronization

/// Sends requests over HTTP/1.1, HTTP/2 and TLS, by libcurl. Connections are kept and used again; a proxy is taken from
/// the environment (`https_proxy`, `no_proxy`), as other tools do. Redirects are not followed, paths are sent as they
/// are written, and a request whose body is not empty is never sent a second time behind the caller's back.
package final class HTTPClient: Sendable {
  private let library: CurlLibrary
  private let authorities: String?
  private let idle = Mutex<[Handle]>([])

  /// - Parameter authorities: a file of certificates (PEM) that are trusted in place of the system's.
  /// - Throws: `HTTPError` when libcurl is not on this machine.
  package init(authorities: String? = nil) throws(HTTPError) {
    library = try CurlLibrary.loaded()
    self.authorities = authorities
  }

  deinit {
    for handle in idle.withLock({ $0 }) { library.cleanUp(handle.pointer) }
  }

  /// Blocks the calling thread; any number of threads may call at once.
  /// - Returns: the status of the answer, whose body is read and thrown away.
  package func send(_ request: HTTPRequest) throws(HTTPError) -> Int {
    try send(request) { _, _ in true }.status
  }

  /// Like `send`, with the answer's body in memory.
  /// - Throws: `HTTPError(.stopped)` for a body of more than `limit` bytes.
  package func fetch(_ request: HTTPRequest, limit: Int) throws(HTTPError) -> HTTPResponse {
    var body: [UInt8] = []
    let head = try send(request) { _, bytes in
      guard body.count + bytes.count <= limit else { return false }
      body.append(contentsOf: bytes)
      return true
    }
    return HTTPResponse(head: head, body: body)
  }

  /// Like `send`, with the answer's body in pieces as they come.
  /// - Parameter consume: called on this thread with each piece, which is gone afterwards; false ends the exchange.
  /// - Throws: `HTTPError(.stopped)` after `consume` said false; also when the body ends before its announced length.
  package func send(
    _ request: HTTPRequest, consume: (_ head: HTTPHead, _ piece: UnsafeRawBufferPointer) -> Bool
  ) throws(HTTPError) -> HTTPHead {
    let handle = try takeHandle()
    defer { idle.withLock { $0.append(handle) } }
    library.reset(handle.pointer)
    if let authorities { quarry_curl_set_text(library.setOption, handle.pointer, CURLOPT_CAINFO, authorities) }
    return try HTTPExchange(request, library, handle.pointer).perform(consume)
  }

  private func takeHandle() throws(HTTPError) -> Handle {
    if let handle = idle.withLock({ $0.popLast() }) { return handle }
    guard let made = library.makeHandle() else { throw HTTPError("no memory is left for a connection") }
    return Handle(pointer: made)
  }

  /// `@unchecked Sendable`: a handle is used by one thread at a time, the one that took it out of `idle`.
  private struct Handle: @unchecked Sendable {
    let pointer: CurlLibrary.Handle
  }
}
