import S3Client
import TestSupport
import TestTraits
import Testing

/// Objects that are written piece by piece.
@Suite(.ownThread) struct UploadTests {
  private static let part = 5 << 20

  private func write(_ content: [UInt8], to upload: S3Upload, piece: Int = 700_000) throws {
    for start in stride(from: 0, to: content.count, by: piece) {
      try Array(content[start..<min(start + piece, content.count)]).withUnsafeBytes { try upload.write($0) }
    }
  }

  @Test(arguments: S3Server.allCases, [0, 1, part, part + 1, 2 * part, 2 * part + 12_345])
  func anUploadIsThereAsAWhole(_ server: S3Server, _ size: Int) throws {
    let proxy = try server.proxy { _, _ in nil }
    let client = try server.client(through: proxy) { $0.partSize = Self.part }
    let (key, content) = (freshKey(), noise(size))
    let upload = S3Upload(client, key, contentType: "text/x-test")
    try write(content, to: upload)
    #expect(throws: S3Error.self) { try server.client().head(key) }
    let etag = try upload.finish()
    // No more than a part is held, and what fits into one goes in one request.
    #expect(proxy.requests.map(\.bytes.count).max() ?? 0 <= Self.part)
    #expect(proxy.requests.count == (size <= Self.part ? 1 : 2 + (size + Self.part - 1) / Self.part))
    let object = try client.get(key)
    #expect(object.bytes == content && object.info.etag == etag && object.info.contentType == "text/x-test")
  }

  @Test(arguments: S3Server.allCases) func aConditionHoldsAtTheEnd(_ server: S3Server) throws {
    let client = try server.client { $0.partSize = Self.part }
    let (key, content) = (freshKey(), noise(Self.part + 1))
    let (one, two) = (S3Upload(client, key, if: .absent), S3Upload(client, key, if: .absent))
    for upload in [one, two] { try write(content, to: upload) }
    _ = try one.finish()
    #expect(#expect(throws: S3Error.self) { try two.finish() }?.kind == .conditionFailed)
    #expect(#expect(throws: S3Error.self) { try two.finish() }?.kind == .refused)
  }

  @Test(arguments: S3Server.allCases) func lostAnswersAreFoundAgain(_ server: S3Server) throws {
    let upstream = try server.upstream()
    // Those of the beginning, of a part, and of the completion.
    let proxy = try HTTPServer { _, number in .relay(to: upstream, [1, 3, 6].contains(number) ? .lost : .whole) }
    let clock = FastClock()
    let client = try server.client(through: proxy, clock: clock.clock()) { $0.partSize = Self.part }
    let (key, content) = (freshKey(), noise(Self.part + 1))
    let upload = S3Upload(client, key, if: .absent)
    try write(content, to: upload)
    let etag = try upload.finish()
    let object = try server.client().get(key)
    #expect(object.bytes == content && object.info.etag == etag)
    #expect(clock.pauses.count >= 3)
  }

  @Test(arguments: S3Server.allCases) func anUploadThatFailsLeavesNoParts(_ server: S3Server) throws {
    let proxy = try server.proxy { request, _ in
      request.line.contains("partNumber=2") ? .status(503, body: "<Error><Code>SlowDown</Code></Error>") : nil
    }
    let client = try server.client(through: proxy, clock: FastClock().clock()) { $0.partSize = Self.part }
    let key = freshKey()
    let upload = S3Upload(client, key)
    let error = #expect(throws: S3Error.self) {
      try write(noise(3 * Self.part), to: upload)
      _ = try upload.finish()
    }
    #expect(error?.kind == .unavailable && error?.operation == "upload part 2 of s3://quarry-tests/\(key)")
    let last = try #require(proxy.requests.last)
    #expect(last.line.hasPrefix("DELETE /quarry-tests/\(key)?uploadId="))
    #expect(throws: S3Error.self) { try server.client().head(key) }
    // It is over; what comes now is refused and nothing is sent.
    let count = proxy.requests.count
    #expect(throws: S3Error.self) { try write([1], to: upload) }
    try upload.abort()
    #expect(proxy.requests.count == count)
  }

  /// The answer that an upload has begun is lost: it is begun again, and the first one stays.
  @Test(arguments: S3Server.allCases) func whatWasLeftBehindIsFound(_ server: S3Server) throws {
    let upstream = try server.upstream()
    let proxy = try HTTPServer { _, number in .relay(to: upstream, number == 1 ? .lost : .whole) }
    let client = try server.client(through: proxy, clock: FastClock().clock()) { $0.partSize = Self.part }
    let key = freshKey("a b+ü")
    let upload = S3Upload(client, key)
    try write(noise(Self.part + 1), to: upload)
    #expect(try client.pendingUploads(prefix: key).count == 2)
    _ = try upload.finish()
    let left = try client.pendingUploads(prefix: key)
    #expect(left.map(\.key) == [key])
    // To moto every upload began in 2010.
    if server == .seaweedFS { #expect(abs((left.first?.begun ?? 0) - S3Clock.system.now()) < 600) }
    for upload in left { try client.abort(upload) }
    #expect(try client.pendingUploads(prefix: key).isEmpty)
    #expect(try client.head(key).size == Self.part + 1)
  }

  @Test func a200MayHoldAnError() throws {
    let upstream = try S3Server.moto.upstream()
    let proxy = try HTTPServer { request, number in
      guard request.line.hasPrefix("POST"), request.line.contains("uploadId") else { return .relay(to: upstream) }
      switch number {
      case 4: return .status(200, body: "<Error><Code>InternalError</Code><Message>again</Message></Error>")
      case 5: return .status(200, body: "  ")
      default: return .relay(to: upstream)
      }
    }
    let clock = FastClock()
    let client = try S3Server.moto.client(through: proxy, clock: clock.clock()) { $0.partSize = Self.part }
    let (key, content) = (freshKey(), noise(Self.part + 1))
    let upload = S3Upload(client, key)
    try write(content, to: upload)
    _ = try upload.finish()
    #expect(clock.pauses.count == 2)
    #expect(try client.get(key).bytes == content)
  }
}
