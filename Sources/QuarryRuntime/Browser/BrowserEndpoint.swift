import QuarryCore

/// A browser that somebody else runs.
package enum BrowserEndpoint {
  /// A key and the answer that RFC 6455 gives to it. The exchange shows a WebSocket server and protects nothing, so the
  /// key need not be new.
  private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
  private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

  /// - Throws: `QuarryError(.usage)` when the text is no `ws://` or `wss://` URL.
  package static func requireAddress(_ url: String) throws(QuarryError) { _ = try BrowserAddress(url) }

  /// Shakes hands once and hangs up, so that a wrong address is known before a run starts. Blocks the calling thread.
  /// Behind `wss://` only the connection is tried: this program speaks no TLS, the executor does.
  /// - Throws: `QuarryError(.usage)` when the text is no `ws://` or `wss://` URL, `.executor` when no browser answers.
  package static func check(_ url: String, timeout: Duration = .seconds(10)) throws(QuarryError) {
    let address = try BrowserAddress(url)
    do throws(BrowserConnection.Failure) {
      let connection = try BrowserConnection(address, deadline: BootClock.after(timeout))
      if !address.isSecure { try shakeHands(connection, address) }
    } catch {
      throw QuarryError(
        .executor, "no browser answers at \(address.host) port \(address.port): \(error.reason)",
        remedy: "start it, correct --browser-ws-endpoint, or leave that out to use the project's own browser")
    }
  }

  private static func shakeHands(
    _ connection: borrowing BrowserConnection, _ address: BrowserAddress
  ) throws(BrowserConnection.Failure) {
    let head = try connection.get(
      address.target, of: address,
      headers: [
        "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: \(key)",
      ])
    let words = head[0].split(separator: " ", maxSplits: 2)
    guard words.first?.hasPrefix("HTTP/1.") == true, words.count > 1 else {
      throw BrowserConnection.Failure(reason: "its answer is not HTTP")
    }
    guard words[1] == "101" else {
      throw BrowserConnection.Failure(reason: "it refuses a WebSocket: \(words[1...].joined(separator: " "))")
    }
    guard value(of: "sec-websocket-accept", in: head) == accept else {
      throw BrowserConnection.Failure(reason: "its answer to a WebSocket is wrong")
    }
  }

  private static func value(of name: String, in head: [String]) -> String? {
    for line in head.dropFirst() {
      guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name else { continue }
      return String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    return nil
  }
}
