import Synchronization

/// Sends requests over HTTP/1.1, HTTP/2 and TLS, by libcurl. Connections are kept and used again; a proxy is taken from
/// the environment (`https_proxy`, `no_proxy`), as other tools do. Redirects are not followed.
package final class HTTPClient: Sendable {
  private let library: CurlLibrary
  private let idle = Mutex<[Handle]>([])

  /// - Throws: `HTTPError` when libcurl is not on this machine.
  package init() throws(HTTPError) { library = try CurlLibrary.loaded() }

  deinit {
    for handle in idle.withLock({ $0 }) { library.cleanUp(handle.pointer) }
  }

  /// Blocks the calling thread; any number of threads may call at once.
  /// - Returns: the status of the answer, whose body is read and thrown away.
  package func send(_ request: HTTPRequest) throws(HTTPError) -> Int {
    let handle = try takeHandle()
    defer { idle.withLock { $0.append(handle) } }
    library.reset(handle.pointer)
    return try HTTPExchange(request, library, handle.pointer).perform()
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
