/// What goes and comes during one exchange, as the library's callbacks see it: all on the thread that performs it.
final class HTTPTransfer {
  typealias Consumer = (_ head: HTTPHead, _ piece: UnsafeRawBufferPointer) -> Bool

  private(set) var head = HTTPHead(status: 0, headers: [])
  /// Whether all of the head has come: an empty line ends it.
  private(set) var isHeadWhole = false
  /// Whether the consumer ended the exchange.
  private(set) var isStopped = false
  private let body: [UInt8]
  private var sent = 0
  private var consume: Consumer?

  init(body: [UInt8], consume: @escaping Consumer) {
    self.body = body
    self.consume = consume
  }

  static func of(_ pointer: UnsafeMutableRawPointer) -> HTTPTransfer {
    Unmanaged<HTTPTransfer>.fromOpaque(pointer).takeUnretainedValue()
  }

  /// The consumer lives no longer than the call that it was given to.
  func forgetConsumer() { consume = nil }

  func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, body.count - sent)
    body.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[sent..<sent + count])) }
    sent += count
    return count
  }

  /// One line. A status line begins a head anew: answers like `100 Continue` come before the real one.
  func takeHead(_ bytes: UnsafeRawBufferPointer) -> Int {
    let line = String(decoding: bytes, as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      head = HTTPHead(status: Self.status(line), headers: [])
      isHeadWhole = false
    } else if line.first == "\r\n" || line.first == "\n" {
      isHeadWhole = true
    } else if let colon = line.firstIndex(of: ":") {
      let value = line[line.index(after: colon)...].trimmed
      head.headers.append(HTTPHead.Field(name: line[..<colon].lowercased(), value: value))
    }
    return bytes.count
  }

  /// - Returns: how many bytes were taken; fewer than all ends the exchange.
  func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
    if consume?(head, bytes) == true { return bytes.count }
    isStopped = true
    return 0
  }

  /// 0 for a line that cannot be read.
  private static func status(_ line: String) -> Int {
    let words = line.split(separator: " ", omittingEmptySubsequences: true)
    return words.count > 1 ? Int(words[1].trimmed) ?? 0 : 0
  }
}

extension Substring {
  /// Without spaces and line ends around it.
  fileprivate var trimmed: String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a }
    let start = utf8.drop(while: isSpace)
    let end = start.lastIndex { !isSpace($0) }
    return end.map { String(decoding: start[...$0], as: UTF8.self) } ?? ""
  }
}
