import HTTPClient

/// What to do after a try.
enum S3Verdict: Sendable {
  /// It is refused for good.
  case refused(S3Error.Kind)
  /// Another region or host.
  case elsewhere
  /// The clocks differ.
  case skewed
  /// Other credentials.
  case ended
  /// It may pass. `isOpen`: the store may have done what it was asked to.
  case passing(isOpen: Bool)

  private static let endings: Set = [
    "ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired", "RequestExpired",
  ]
  /// Words for "too much at once": nothing was done.
  private static let throttlings: Set = [
    "SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
    "RequestThrottledException", "RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException",
    "BandwidthLimitExceeded", "ProvisionedThroughputExceededException", "EC2ThrottledException",
  ]
  private static let passings: Set = [
    "ServiceUnavailable", "InternalError", "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete",
    "ConditionalRequestConflict", "OperationAborted", "BadDigest", "XAmzContentSHA256Mismatch",
  ]
  private static let kinds: [String: S3Error.Kind] = [
    "NoSuchKey": .noSuchKey, "NoSuchBucket": .noSuchBucket, "NoSuchUpload": .noSuchUpload,
    "AccessDenied": .accessDenied, "AllAccessDisabled": .accessDenied, "InvalidAccessKeyId": .credentials,
    "SignatureDoesNotMatch": .credentials, "InvalidRange": .range, "PreconditionFailed": .conditionFailed,
    "NotImplemented": .notImplemented, "InvalidBucketName": .configuration,
  ]

  /// Whether this word of S3's says that trying again may help.
  static func mayPass(_ code: String) -> Bool { passings.contains(code) || throttlings.contains(code) }

  /// Of an answer that is no success.
  static func of(_ refusal: S3Refusal) -> S3Verdict {
    let code = refusal.code ?? ""
    if code == "RequestTimeTooSkewed" { return .skewed }
    if endings.contains(code) { return .ended }
    if (300..<400).contains(refusal.status) && refusal.status != 304 { return .elsewhere }
    if code == "AuthorizationHeaderMalformed" || code == "IllegalLocationConstraintException",
      refusal.region != nil
    {
      return .elsewhere
    }
    if code == "NotImplemented" || refusal.status == 501 { return .refused(.notImplemented) }
    if mayPass(code) || refusal.status == 429 || refusal.status == 408 || refusal.status >= 500 {
      return .passing(isOpen: refusal.status >= 500 && !throttlings.contains(code))
    }
    return .refused(kinds[code] ?? kind(of: refusal.status))
  }

  /// Of a try that brought no answer.
  static func of(_ error: HTTPError) -> S3Verdict {
    switch error.kind {
    case .unreachable: .passing(isOpen: false)
    case .interrupted, .timedOut: .passing(isOpen: true)
    case .untrusted: .refused(.untrusted)
    case .invalid, .stopped: .refused(.unavailable)
    }
  }

  /// For answers without a code: those to HEAD, and those of proxies.
  private static func kind(of status: Int) -> S3Error.Kind {
    switch status {
    case 401, 403: .accessDenied
    case 404: .noSuchKey
    case 304, 412: .conditionFailed
    case 416: .range
    case 405: .notImplemented
    default: .refused
    }
  }
}
