/// What the executor says of the run as a whole; its exit code decides, this adds message, type and stack.
package struct RunResultFrame: Sendable, Equatable {
  package enum Status: String, Sendable {
    case completed, error, crash
  }

  package let status: Status
  package var message: String?
  package var errorType: String?
  package var stack: String?
  package var proxyUsed: ProxyUsed?
  /// What the run saw of each host.
  package var hosts: [HostReport] = []

  init(_ payload: UnsafeRawBufferPointer) throws(WireError) {
    var outcome: UnsafeRawBufferPointer?
    var proxy: UnsafeRawBufferPointer?
    var hosts: UnsafeRawBufferPointer?
    try WireMap.forEach(in: payload) { key, value throws(WireError) in
      if key == "outcome" { outcome = value }
      if key == "proxy_used" { proxy = value }
      if key == "hosts" { hosts = value }
    }
    let map = try WireField("outcome", outcome).map()
    let text = try WireField("status", WireMap.value(of: "status", in: map)).text().string
    guard let status = Status(rawValue: text) else {
      throw WireError(.undecodable, "'status' of a run result is '\(text)'")
    }
    self.status = status
    message = try WireField("message", WireMap.value(of: "message", in: map)).optionalText()?.string
    errorType = try WireField("error_type", WireMap.value(of: "error_type", in: map)).optionalText()?.string
    stack = try WireField("stack", WireMap.value(of: "stack", in: map)).optionalText()?.string
    proxyUsed = try WireField("proxy_used", proxy).optionalMap().map(ProxyUsed.init)
    for element in try WireField("hosts", hosts).elements() { self.hosts.append(try HostReport(element)) }
  }
}

/// The proxy a run went through; a password is never read.
package struct ProxyUsed: Sendable, Equatable {
  package let proxyProtocol: String
  package let host: String
  package let port: Int64
  package let username: String?

  init(_ map: UnsafeRawBufferPointer) throws(WireError) {
    proxyProtocol = try WireField("protocol", WireMap.value(of: "protocol", in: map)).text().string
    host = try WireField("host", WireMap.value(of: "host", in: map)).text().string
    port = try WireField("port", WireMap.value(of: "port", in: map)).integer()
    username = try WireField("username", WireMap.value(of: "username", in: map)).optionalText()?.string
  }
}

/// One answer of a host, or what the script said of it.
package struct HostReport: Sendable, Equatable {
  package let host: String
  /// HTTP status of the main document.
  package let status: Int64?
  package let retryAfterMilliseconds: Int64?
  package let crawlDelayMilliseconds: Int64?
  /// Time to the response.
  package let milliseconds: Int64?

  init(_ map: UnsafeRawBufferPointer) throws(WireError) {
    func number(_ name: StaticString) throws(WireError) -> Int64? {
      try WireField(name, WireMap.value(of: name, in: map)).optionalInteger()
    }
    host = try WireField("host", WireMap.value(of: "host", in: map)).text().string
    status = try number("status")
    retryAfterMilliseconds = try number("retry_after_ms")
    crawlDelayMilliseconds = try number("crawl_delay_ms")
    milliseconds = try number("ms")
  }
}
