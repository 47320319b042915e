/// An object that is written piece by piece and is there as a whole when it is finished, or not at all. It holds no more
/// than one part in memory; what fits into one part goes in one request. For one thread.
package final class S3Upload {
  /// S3's own.
  static let maximumParts = 10_000

  private let client: S3Client
  private let key: String
  private let contentType: String?
  private let condition: S3Condition?
  private let putID = PutID.random()
  private var buffer: [UInt8] = []
  private var upload: String?
  private var parts: [String] = []
  private var isOver = false

  /// - Parameter condition: what must hold when it is finished.
  package init(_ client: S3Client, _ key: String, contentType: String? = nil, if condition: S3Condition? = nil) {
    self.client = client
    self.key = key
    self.contentType = contentType
    self.condition = condition
  }

  /// - Throws: `S3Error`, after the parts that the store had were given up: the upload is over then.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(S3Error) {
    guard !isOver else { throw S3Error(.refused, "upload \(client.name(key))", "it is over") }
    var rest = bytes[...]
    while !rest.isEmpty {
      // A full buffer is sent when more comes: the last part may be small, so none is made of nothing.
      if buffer.count == client.configuration.partSize { try orGiveUp { () throws(S3Error) in try sendPart() } }
      let count = min(rest.count, client.configuration.partSize - buffer.count)
      buffer.append(contentsOf: rest.prefix(count))
      rest = rest.dropFirst(count)
    }
  }

  /// - Returns: the object's ETag.
  /// - Throws: as `put` does; the parts are given up, unless the object may be made of them by now.
  package func finish() throws(S3Error) -> String {
    guard !isOver else { throw S3Error(.refused, "upload \(client.name(key))", "it is over") }
    guard let upload else {
      isOver = true
      return try client.put(key, buffer, contentType: contentType, if: condition)
    }
    var etag = ""
    try orGiveUp { () throws(S3Error) in
      try sendPart()
      etag = try client.completeUpload(key, upload, parts: parts, if: condition, putID: putID)
    }
    isOver = true
    return etag
  }

  /// Gives up what the store has of it. To be called for every upload that is not finished: stores keep parts for ever.
  package func abort() throws(S3Error) {
    guard !isOver else { return }
    isOver = true
    buffer = []
    if let upload { try client.abortUpload(key, upload) }
  }

  private func sendPart() throws(S3Error) {
    guard parts.count < Self.maximumParts else {
      throw S3Error(
        .refused, "upload \(client.name(key))",
        "it has more than \(Self.maximumParts) parts of \(client.configuration.partSize) bytes; make parts larger")
    }
    let id: String
    if let upload { id = upload } else { id = try client.beginUpload(key, contentType: contentType, putID: putID) }
    upload = id
    parts.append(try client.uploadPart(key, id, number: parts.count + 1, buffer))
    buffer.removeAll(keepingCapacity: true)
  }

  private func orGiveUp(_ work: () throws(S3Error) -> Void) throws(S3Error) {
    do throws(S3Error) { try work() } catch {
      if error.kind == .uncertain {
        isOver = true
      } else {
        // The first failure is what matters; parts that stay behind are among the pending uploads.
        do throws(S3Error) { try abort() } catch {}
      }
      throw error
    }
  }
}
