extension S3Client {
  /// What the store's clock shows, by which its objects have their times: this machine's may be wrong. One small request.
  /// - Parameter prefix: of keys that may be listed.
  /// - Returns: unix seconds.
  package func time(prefix: String = "", within limit: Duration? = nil) throws(S3Error) -> Int {
    var request = S3Request("ask for the time of", "GET")
    request.ask("list-type", "2")
    request.ask("max-keys", "1")
    if !prefix.isEmpty { request.ask("prefix", prefix) }
    var attempts = S3Attempts(self, within: limit)
    guard let date = try attempts.run(request).head["date"].flatMap(UTCTime.init(http:)) else {
      throw S3Error(.malformed, "ask for the time of \(name(nil))", "the answer has no date that can be read")
    }
    return date.seconds
  }
}
