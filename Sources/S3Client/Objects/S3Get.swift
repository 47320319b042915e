import HTTPClient

/// What is known of an object without its body.
package struct S3Info: Sendable, Equatable {
  /// Bytes of the whole object; nil when the answer does not say.
  package let size: Int?
  /// In quotes; empty when the answer names none.
  package let etag: String
  package let contentType: String?
  let putID: String?

  init(_ head: HTTPHead) {
    size = ContentRange(head).total
    // A proxy that may change the coding weakens what the store said.
    let etag = head["etag"] ?? ""
    self.etag = etag.hasPrefix("W/") ? String(etag.dropFirst(2)) : etag
    contentType = head["content-type"]
    putID = head[S3Client.putIDHeader]
  }
}

/// An object, or a range of it, in memory.
package struct S3Object: Sendable, Equatable {
  package let bytes: [UInt8]
  package let info: S3Info
}

extension S3Client {
  /// - Parameters:
  ///   - range: of bytes; what is beyond the object's end is left out.
  ///   - maximum: more bytes than these are refused.
  /// - Throws: `S3Error(.noSuchKey)`; `S3Error(.range)` when nothing of the range is there.
  package func get(
    _ key: String, range: Range<Int>? = nil, maximum: Int = 256 << 20, within limit: Duration? = nil
  ) throws(S3Error) -> S3Object {
    var bytes: [UInt8] = []
    var isTooLarge = false
    let info = try read(key, range: range, within: limit) { piece in
      isTooLarge = bytes.count + piece.count > maximum
      if !isTooLarge { bytes.append(contentsOf: piece) }
      return !isTooLarge
    }
    guard !isTooLarge else { throw S3Error(.refused, "get \(name(key))", "it has more than \(maximum) bytes") }
    return S3Object(bytes: bytes, info: info)
  }

  /// Reads an object in pieces as they come. After a broken connection it goes on behind the last byte, of the same
  /// object: one that was replaced meanwhile is an error.
  /// - Parameter consume: called on this thread; the piece is gone afterwards. False ends the reading, which then
  ///   returns.
  /// - Throws: `S3Error(.noSuchKey)`; `S3Error(.range)` when nothing of the range is there; `S3Error(.conditionFailed)`
  ///   when it was replaced while it was read.
  @discardableResult
  package func read(
    _ key: String, range: Range<Int>? = nil, within limit: Duration? = nil,
    consume: (UnsafeRawBufferPointer) -> Bool
  ) throws(S3Error) -> S3Info {
    if let range, range.isEmpty || range.lowerBound < 0 {
      throw S3Error(.range, "get \(name(key))", "a range of bytes must have some")
    }
    return try withoutActuallyEscaping(consume) { consume in
      Result { () throws(S3Error) in try read(S3Download(key: key, range: range), within: limit, consume: consume) }
    }.get()
  }

  private func read(
    _ start: S3Download, within limit: Duration?, consume: @escaping (UnsafeRawBufferPointer) -> Bool
  ) throws(S3Error) -> S3Info {
    var download = start
    var attempts = S3Attempts(self, within: limit)
    do throws(S3Error) {
      let answer = try attempts.run({ download.next() }, consume: { download.take($0, $1, consume) })
      guard download.first != nil || answer.head.status != 206 else {
        throw S3Error(.malformed, "get \(name(start.key))", "the store sends nothing of what it was asked for")
      }
      return S3Info(download.first ?? answer.head)
    } catch {
      if !download.isWanted, let first = download.first { return S3Info(first) }
      guard download.isOrderly else {
        throw S3Error(.malformed, error.operation, "the store does not send the range that it was asked for")
      }
      throw error
    }
  }

  /// Bytes of an object.
  /// - Throws: `S3Error(.noSuchKey)`.
  package func size(_ key: String, within limit: Duration? = nil) throws(S3Error) -> Int {
    guard let size = try head(key, within: limit).size else {
      throw S3Error(.malformed, "head \(name(key))", "the answer does not say how long it is")
    }
    return size
  }

  /// - Throws: `S3Error(.noSuchKey)`.
  package func head(_ key: String, within limit: Duration? = nil) throws(S3Error) -> S3Info {
    let request = S3Request("head", "HEAD", key: key)
    var attempts = S3Attempts(self, within: limit)
    do throws(S3Error) { return S3Info(try attempts.run(request).head) } catch {
      // A refusal of HEAD has no body to give its reason in: a GET of one byte has, and what it teaches stays.
      guard error.code == nil, let status = error.status, [301, 307, 400, 403].contains(status) else { throw error }
    }
    do throws(S3Error) { _ = try get(key, range: 0..<1) } catch {
      guard error.kind == .range else { throw error }
    }
    return S3Info(try attempts.run(request).head)
  }
}
