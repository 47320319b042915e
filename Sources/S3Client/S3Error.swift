/// Why an operation failed. Holds neither credentials nor headers nor a body.
package struct S3Error: Error, Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    /// The settings cannot be: endpoint, bucket, region.
    case configuration
    /// There are no credentials, or they do not work.
    case credentials
    case accessDenied
    case noSuchBucket
    case noSuchKey
    case noSuchUpload
    /// The object is not as the condition says. It was not changed by this operation.
    case conditionFailed
    /// A conditional write whose answer was lost, and the object is somebody else's now: whether it was this one's in
    /// between is not known. Read what it says before trying again.
    case uncertain
    /// The object has no such bytes.
    case range
    /// The store does not know this operation or this header.
    case notImplemented
    /// The store, or the way to it, did not work for as long as was tried.
    case unavailable
    /// The store's certificate is by nobody whom this machine trusts, or another host's; or those to trust cannot be read.
    case untrusted
    /// An answer that is none of S3's.
    case malformed
    /// What else a store refuses.
    case refused
  }

  package let kind: Kind
  /// What was tried: `put s3://bucket/key`.
  package let operation: String
  /// Of the one object that was asked for; nil where it was the bucket, or many.
  package let key: String?
  package let reason: String
  /// Of the answer, when there was one.
  package let status: Int?
  /// S3's word for it: `SlowDown`.
  package let code: String?
  /// For the store's support.
  package let requestID: String?
  /// What to do, as an order, where that follows from more than the kind.
  package let advice: String?

  package init(
    _ kind: Kind, _ operation: String, _ reason: String, status: Int? = nil, code: String? = nil,
    requestID: String? = nil, advice: String? = nil, key: String? = nil
  ) {
    self.kind = kind
    self.operation = operation
    self.reason = reason
    self.status = status
    self.code = code
    self.requestID = requestID
    self.advice = advice
    self.key = key
  }
}

extension S3Error: CustomStringConvertible {
  /// The same under another name.
  func with(_ kind: Kind) -> S3Error {
    S3Error(kind, operation, reason, status: status, code: code, requestID: requestID, advice: advice, key: key)
  }

  package var description: String {
    let request = requestID.map { " (request \($0))" } ?? ""
    return "cannot \(operation): \(reason)\(request)"
  }
}
