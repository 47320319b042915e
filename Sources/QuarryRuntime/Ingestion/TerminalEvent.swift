import QuarryWire

/// The event that ended the run; the first one counts.
package enum TerminalEvent: Sendable, Equatable {
  /// `run_complete`, with its whole payload as JSON text.
  case complete(payload: String)
  /// `run_error`, with its whole payload as JSON text.
  case error(type: String, message: String, stack: String?, payload: String)

  /// The event's whole payload as JSON text.
  package var payload: String {
    switch self {
    case .complete(let payload), .error(_, _, _, let payload): payload
    }
  }

  /// The executor begins an error that its proxy caused with the proxy's name.
  func blames(_ proxy: RunProxy) -> Bool {
    guard case .error(_, let message, _, _) = self else { return false }
    return message.hasPrefix("the proxy \(proxy.endpoint.name) ")
  }

  init(_ event: EventEnvelope) throws(WireError) {
    let text = try Self.json(event.payload)
    guard event.type == .runError else {
      self = .complete(payload: text)
      return
    }
    func member(_ name: StaticString) throws(WireError) -> String? {
      try WireField(name, WireMap.value(of: name, in: event.payload)).optionalText()?.string
    }
    self = .error(
      type: try member("error_type") ?? "script_error", message: try member("message") ?? "",
      stack: try member("stack"), payload: text)
  }

  static func json(_ messagePack: UnsafeRawBufferPointer) throws(WireError) -> String {
    var out: [UInt8] = []
    try JSONWriter.append(to: &out) { writer throws(WireError) in try writer.value(messagePack) }
    return String(decoding: out, as: UTF8.self)
  }
}
