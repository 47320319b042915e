import CHiredis

/// Bytes in, replies out: hiredis' reader with its replies turned into values. Belongs to one thread.
struct ReplyParser: ~Copyable {
  private let reader: UnsafeMutablePointer<redisReader>

  init() {
    guard let reader = redisReaderCreate() else { preconditionFailure("out of memory") }
    self.reader = reader
  }

  deinit { redisReaderFree(reader) }

  func feed(_ bytes: UnsafeRawBufferPointer) {
    redisReaderFeed(reader, bytes.assumingMemoryBound(to: CChar.self).baseAddress, bytes.count)
  }

  /// The next whole reply, or nil when more bytes are needed.
  /// - Throws: `Failure` when the bytes are not RESP2; nothing can be read after it.
  func next() throws(Failure) -> RedisReply? {
    var object: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &object) == REDIS_OK else { throw Failure(reason: reason) }
    guard let object else { return nil }
    defer { freeReplyObject(object) }
    return Self.value(of: object.assumingMemoryBound(to: redisReply.self).pointee)
  }

  struct Failure: Error { let reason: String }

  private var reason: String {
    withUnsafeBytes(of: reader.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private static func value(of reply: redisReply) -> RedisReply {
    switch reply.type {
    case REDIS_REPLY_INTEGER: .integer(reply.integer)
    case REDIS_REPLY_STRING: .bulk(Array(bytes(of: reply)))
    case REDIS_REPLY_STATUS: .status(String(decoding: bytes(of: reply), as: UTF8.self))
    case REDIS_REPLY_ERROR: .error(String(decoding: bytes(of: reply), as: UTF8.self))
    case REDIS_REPLY_ARRAY: .array(elements(of: reply))
    default: .null
    }
  }

  private static func bytes(of reply: redisReply) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: reply.str, count: reply.len)
  }

  private static func elements(of reply: redisReply) -> [RedisReply] {
    UnsafeBufferPointer(start: reply.element, count: reply.elements).map { $0.map { value(of: $0.pointee) } ?? .null }
  }
}
