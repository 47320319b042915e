/// Which bucket, where, and how long to try.
package struct S3Configuration: Sendable {
  /// How the bucket stands in an address.
  package enum Style: Sendable {
    /// In the path where a host of its own cannot be: IP addresses, names without a dot, buckets with a dot over TLS.
    case automatic
    /// `https://host/bucket/key`.
    case path
    /// `https://bucket.host/key`.
    case virtualHost
  }

  package var bucket: String
  /// Nil takes the environment's, and asks the store for the right one where that is wrong.
  package var region: String?
  /// `https://host[:port]`; nil takes the environment's, or else AWS.
  package var endpoint: String?
  package var style = Style.automatic
  /// For each operation with all its tries, the waits between them included. A try that reads an object or sends more
  /// than 1 MiB may go on beyond it for as long as something moves (`stallLimit`), a day at most; and a reading begins
  /// its time anew whenever a try brought some of the object.
  package var limit = Duration.seconds(60)
  /// For how long nothing may come or go before a try counts as broken; whole seconds.
  package var stallLimit = Duration.seconds(20)
  package var connectLimit = Duration.seconds(10)
  package var backoff = RetryBackoff()
  /// Tries of a request while the store has never answered, so that a wrong name is told soon, and to read an object once it has
  /// refused several; nil makes as many as ever, for whoever may be up before the store is, or writes.
  package var firstTries: Int?
  /// Told, once a minute at most, that a request has been tried for some seconds and will be again.
  package var onWait: (@Sendable (String) -> Void)?
  /// Bytes of a part of a large upload, and what is sent in one piece at most. S3 wants 5 MiB at least and 10,000 parts
  /// at most: 16 MiB make 156 GiB.
  package var partSize = 16 << 20

  package init(bucket: String) { self.bucket = bucket }
}

/// Pauses between tries: a random share of a bound that doubles, so that many clients do not come back at once.
package struct RetryBackoff: Sendable {
  package var first = Duration.milliseconds(100)
  package var longest = Duration.seconds(10)
  package var tries = 12

  package init() {}

  /// - Parameters:
  ///   - number: of the try that failed, from 1.
  ///   - chance: from 0 to 1.
  func pause(after number: Int, chance: Double) -> Duration {
    min(longest, first * (1 << min(number - 1, 20))) * chance
  }
}
