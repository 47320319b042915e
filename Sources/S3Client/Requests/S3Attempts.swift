import HTTPClient

/// All tries of one request: again after what may pass, elsewhere after a redirect, with the right time after a skewed
/// clock, and with fresh credentials after these have ended.
struct S3Attempts {
  /// For each cause but the passing ones: more would be a store that contradicts itself.
  private static let corrections = 3

  /// What is over sooner is not worth a word.
  private static let patience = Duration.seconds(2)

  private let client: S3Client
  private let limit: Duration
  private var deadline: Duration
  private var number = 0
  private var corrections = 0
  /// Whether the store may have done what a try asked for without saying so.
  private(set) var isOpen = false
  /// Whether a try was answered by what is no fault of the request, and no word for "too much at once".
  private var wasRefused = false

  /// - Parameter limit: for all tries, as `S3Configuration.limit` has it; nil takes the client's.
  init(_ client: S3Client, within limit: Duration?) {
    self.client = client
    self.limit = limit ?? client.configuration.limit
    deadline = client.clock.uptime() + self.limit
  }

  mutating func run(_ request: S3Request) throws(S3Error) -> S3Answer {
    try run({ request }, consume: nil)
  }

  /// - Parameter next: asked before each try, so that a reader goes on where it was. Whenever one got further, tries and
  ///   time begin anew.
  mutating func run(_ next: () -> S3Request, consume: HTTPConsumer?) throws(S3Error) -> S3Answer {
    while true {
      let (request, credentials) = (next(), try client.credentials.current())
      // Its address would be the bucket's own, which a PUT makes and a DELETE removes.
      guard request.key != "" else { throw failure(.refused, request, "an object's key is never empty") }
      guard !request.lacksETag else {
        throw failure(
          .malformed, request,
          "\(client.requestOrigin) answered without an ETag when the object was read, so that others' writes could not be told"
        )
      }
      number += 1
      let timeout = max(.milliseconds(1), deadline - client.clock.uptime())
      switch try client.attempt(request, as: credentials, timeout: timeout, consume: consume) {
      case .answer(let answer):
        client.hasAnswered(request, afterRefusal: wasRefused)
        return answer
      case .refusal(let refusal): try settle(refusal, request, credentials)
      case .broken(let error, let taken):
        if taken > 0 { (number, deadline) = (1, client.clock.uptime() + limit) }
        let reason = "\(error.message), on the way to \(client.requestOrigin)"
        switch S3Verdict.of(error) {
        case .passing(let isOpen): try pause(request, isOpen: isOpen, last: reason, refusal: nil)
        case .refused(let kind): throw failure(kind, request, reason)
        case .elsewhere, .skewed, .ended: throw failure(.unavailable, request, reason)
        }
      }
    }
  }

  /// Returns when another try may help.
  private mutating func settle(
    _ refusal: S3Refusal, _ request: S3Request, _ credentials: S3Credentials
  ) throws(S3Error) {
    let reason = refusal.reason
    switch S3Verdict.of(refusal) {
    case .refused(.credentials): throw failure(.credentials, request, "\(reason), asked with \(credentials)", refusal)
    case .refused where request.key == nil && refusal.isOfAnother:
      throw failure(
        .malformed, request, "\(client.requestOrigin) answers \(refusal.status) without a word of S3's", refusal)
    case .refused(let kind): throw failure(kind, request, reason, refusal)
    case .passing(let isOpen): try pause(request, isOpen: isOpen, last: reason, refusal: refusal)
    case .elsewhere:
      guard correct(), client.learn(refusal) else {
        let target = refusal.location.map { "; it leads to \(credentials.redacted($0.text)), which is not followed" }
        throw failure(.configuration, request, reason + (target ?? ""), refusal)
      }
    case .skewed:
      guard correct(), client.setClock(refusal.date) else { throw failure(.refused, request, reason, refusal) }
    case .ended:
      guard correct() else { throw failure(.credentials, request, reason, refusal) }
      _ = try client.credentials.replace(credentials)
    }
  }

  private mutating func correct() -> Bool {
    corrections += 1
    return corrections <= Self.corrections
  }

  private mutating func pause(
    _ request: S3Request, isOpen: Bool, last: String, refusal: S3Refusal?
  ) throws(S3Error) {
    let isRefused = isOpen && refusal != nil
    self.isOpen = self.isOpen || isOpen
    wasRefused = wasRefused || isRefused
    let (backoff, clock) = (client.configuration.backoff, client.clock)
    var pause = backoff.pause(after: number, chance: clock.random())
    if let asked = refusal?.retryAfter { pause = max(pause, min(.seconds(asked), backoff.longest)) }
    if refusal != nil, let known = client.refusal(of: request) { throw known }
    guard number < client.tries(of: request, isRefused: isRefused), clock.uptime() + pause < deadline else {
      throw failure(.unavailable, request, "\(last) (after \(number) \(number == 1 ? "try" : "tries"))", refusal)
    }
    if clock.uptime() - (deadline - limit) >= Self.patience {
      client.tellWait(refusal == nil ? last : "\(last), asked for \(client.name(request.key))")
    }
    clock.sleep(pause)
  }

  private func failure(
    _ kind: S3Error.Kind, _ request: S3Request, _ reason: String, _ refusal: S3Refusal? = nil
  ) -> S3Error {
    S3Error(
      kind, "\(request.verb) \(client.name(request.key))", reason, status: refusal?.status, code: refusal?.shownCode,
      requestID: refusal?.requestID, key: request.key)
  }
}

extension S3Refusal {
  /// What a web server says of a path that it does not have. For a bucket, since of an object that is gone a proxy may say
  /// no more.
  fileprivate var isOfAnother: Bool { code == nil && [400, 404, 405].contains(status) }

  /// `SlowDown: Please reduce your request rate. (503)`.
  fileprivate var reason: String {
    let words = [shownCode, message].compactMap { $0 }.joined(separator: ": ")
    return words.isEmpty ? "the store answers \(status)" : "\(words) (\(status))"
  }
}
