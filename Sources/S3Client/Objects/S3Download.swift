import HTTPClient

/// How far the reading of one object is.
struct S3Download {
  let key: String
  /// Nil is all of it.
  private let range: Range<Int>?
  /// The head of the first answer that brought anything.
  private(set) var first: HTTPHead?
  /// False once its reader wants no more.
  private(set) var isWanted = true
  /// False once an answer was not for what was asked.
  private(set) var isOrderly = true
  private var received = 0
  /// What had been received when the current try began.
  private var before = 0

  init(key: String, range: Range<Int>?) {
    self.key = key
    self.range = range
  }

  /// A request for the rest.
  mutating func next() -> S3Request {
    before = received
    var request = S3Request("get", "GET", key: key)
    if let range {
      request.set("Range", "bytes=\(range.lowerBound + received)-\(range.upperBound - 1)")
    } else if received > 0 {
      request.set("Range", "bytes=\(received)-")
    }
    if received > 0, let etag = first?["etag"] { request.set("If-Match", etag) }
    return request
  }

  /// - Returns: whether the exchange goes on.
  mutating func take(
    _ head: HTTPHead, _ piece: UnsafeRawBufferPointer, _ consume: (UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    if received == before {
      isOrderly = ContentRange(head).start == (range?.lowerBound ?? 0) + received
    }
    if let range, head.status != 206 || piece.count > range.count - received { isOrderly = false }
    guard isOrderly else { return false }
    if first == nil { first = head }
    received += piece.count
    isWanted = consume(piece)
    return isWanted
  }
}

/// Which bytes of which whole an answer holds.
struct ContentRange {
  /// Nil when it cannot be read.
  private(set) var start: Int?
  /// Of the whole object; nil when nobody says.
  private(set) var total: Int?

  /// Reads `bytes 5-9/20` of a partial answer; any other begins at 0.
  init(_ head: HTTPHead) {
    guard head.status == 206 else {
      (start, total) = (0, head["content-length"].flatMap { Int($0) })
      return
    }
    guard let text = head["content-range"], text.hasPrefix("bytes ") else { return }
    let parts = text.dropFirst(6).split(whereSeparator: { $0 == "-" || $0 == "/" })
    guard parts.count == 3 else { return }
    (start, total) = (Int(parts[0].trimmed), Int(parts[2].trimmed))
  }
}
