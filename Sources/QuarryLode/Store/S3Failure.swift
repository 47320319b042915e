import QuarryCore
import S3Client

extension FileFailure {
  /// - Parameter place: what it was about, in full.
  init(_ error: S3Error, _ place: String) { self.init(error.operation, place, .store(error)) }
}

extension S3Error {
  /// What may help.
  package var remedy: String? { advice ?? general }

  private var general: String? {
    switch kind {
    case .configuration: "see --storage-path BUCKET/PREFIX, --storage-region and --storage-endpoint"
    case .credentials where code != nil:
      "correct that key, or name others: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or AWS_PROFILE"
    case .credentials:
      "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or AWS_PROFILE, or give the machine a role"
    case .accessDenied:
      "allow these credentials to list the bucket and to get, put and delete its objects; docs/guides/storage.md has the policy"
    case .noSuchBucket: "make the bucket, or name another: --storage-path BUCKET/PREFIX"
    case .unavailable where isThrottled:
      "the store is asked too often: use fewer writers, or a policy that commits less often (--policy streaming)"
    case .unavailable, .uncertain:
      "is the store up, and can it be reached from here? (--storage-endpoint, --storage-region, a proxy in between)"
    case .notImplemented:
      "this store lacks what datasets need; docs/guides/storage.md names those that are known to have it"
    case .untrusted:
      "name the certificates to trust (PEM) in the variable AWS_CA_BUNDLE=FILE, or correct the host's name (--storage-endpoint)"
    case .refused where code == "RequestTimeTooSkewed": "set this machine's clock: the store's shows another time"
    case .malformed: "is this an S3 store? (--storage-endpoint, a proxy in between)"
    case .noSuchKey, .noSuchUpload, .conditionFailed, .range, .refused: nil
    }
  }

  /// Whether the trouble may be with this object alone: its encryption key, its storage class, a lost volume of the store.
  var mayBeOfOneObject: Bool {
    guard key != nil else { return false }
    return switch kind {
    case .accessDenied, .refused: true
    case .unavailable: !isThrottled
    default: false
    }
  }

  private var isThrottled: Bool {
    status == 429 || code?.contains("SlowDown") == true || code?.contains("Throttl") == true
  }
}
