extension S3Client {
  /// The metadata by which a conditional write is known again after its answer was lost.
  static let putIDHeader = "x-amz-meta-put-id"

  /// How often what is left of a broken write is written over: more would be a store that keeps no object whole.
  private static let replacements = 3

  /// Writes an object in one request; its body stays in memory. With a condition it is safe to try again: when an answer
  /// was lost and the condition does not hold any more, the object itself tells whose it is, and whether it is whole.
  /// - Parameter looks: an object that is in the way is looked at, whether this very write made it.
  /// - Returns: the ETag, in quotes.
  /// - Throws: `S3Error(.conditionFailed)` when the condition did not hold; `S3Error(.uncertain)` when nobody can tell.
  @discardableResult
  package func put(
    _ key: String, _ bytes: [UInt8], contentType: String? = nil, if condition: S3Condition? = nil,
    within limit: Duration? = nil, looks: Bool = false
  ) throws(S3Error) -> String {
    let id = PutID.random()
    var attempts = S3Attempts(self, within: limit)
    var (condition, replaced) = (condition, 0)
    while true {
      var request = S3Request("put", "PUT", key: key)
      request.carry(bytes)
      if let contentType { request.set("Content-Type", contentType) }
      if let condition {
        request.require(condition)
        request.set(Self.putIDHeader, id)
      }
      do throws(S3Error) { return try etag(of: try attempts.run(request), "put", key) } catch {
        guard condition != nil else { throw error }
        let found: S3Info
        if looks, !attempts.isOpen, error.kind == .conditionFailed, let own = own(key, id: id) {
          found = own
        } else {
          // A request without a body may be sent again by the library when a kept connection breaks.
          found = try settle(
            error.ofCondition, key, id: id, isOpen: attempts.isOpen || bytes.isEmpty, isLost: attempts.isOpen)
        }
        guard let size = found.size, size != bytes.count else { return found.etag }
        // Some stores keep what had come when a connection broke.
        guard replaced < Self.replacements else {
          throw S3Error(
            .uncertain, error.operation, "the store keeps \(size) of its \(bytes.count) bytes", status: error.status)
        }
        replaced += 1
        condition = .matches(found.etag)
      }
    }
  }

  /// A proxy in between may have sent a write twice, and pass on the second answer.
  private func own(_ key: String, id: String) -> S3Info? {
    // Where nobody says whose it is, it is another's, as the store has said.
    guard let found = try? head(key), found.putID == id else { return nil }
    return found
  }

  /// After a conditional write failed.
  /// - Parameters:
  ///   - isOpen: whether a try of it may have happened all the same.
  ///   - isLost: whether the answer to a try was lost: then no later refusal says that it has not.
  /// - Returns: the object, when it has.
  func settle(
    _ error: S3Error, _ key: String, id: String, isOpen: Bool, isLost: Bool
  ) throws(S3Error) -> S3Info {
    guard isOpen else { throw error }
    func uncertain(_ why: String) -> S3Error {
      S3Error(
        .uncertain, error.operation, "\(error.reason); an answer was lost before, and \(why)", status: error.status,
        code: error.code, requestID: error.requestID)
    }
    guard error.kind == .conditionFailed else {
      throw isLost || error.kind == .unavailable ? uncertain("whether it was written is not known") : error
    }
    let found: S3Info
    do throws(S3Error) { found = try head(key) } catch {
      throw uncertain("reading it back failed: \(error.reason)")
    }
    guard found.putID == id else { throw uncertain("the object is another's now") }
    return found
  }

  func etag(of answer: S3Answer, _ verb: String, _ key: String) throws(S3Error) -> String {
    guard let etag = answer.head["etag"], !etag.isEmpty else {
      throw S3Error(.malformed, "\(verb) \(name(key))", "the answer has no ETag", status: answer.head.status)
    }
    return etag
  }
}

extension S3Error {
  /// A store that finds no object to compare with says that there is none.
  var ofCondition: S3Error { kind == .noSuchKey ? with(.conditionFailed) : self }
}

enum PutID {
  /// 128 bits in hex: nobody else's.
  static func random() -> String {
    Hex.text((0..<16).map { _ in UInt8.random(in: .min ... .max) })
  }
}
