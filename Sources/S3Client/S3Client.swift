import HTTPClient
import Synchronization

/// One bucket of S3 or of a store that speaks its language. Every call blocks its thread until the store answered or
/// the time is over; any number of threads may call at once, and connections are used again.
package final class S3Client: Sendable {
  package let configuration: S3Configuration
  package let credentials: CredentialCache
  let clock: S3Clock
  private let http: HTTPClient
  private let state: Mutex<State>

  private struct State {
    var place: S3Place
    /// Seconds that the store's clock is ahead of this machine's.
    var skew = 0
    /// Whether it ever answered.
    var wasReached = false
    /// When `onWait` was told last.
    var toldWait: Duration?
    /// See `giveUp`.
    var refused: [String: S3Error] = [:]
    /// How many of these came one after the other, without one in between that came after all.
    var refusedInARow = 0
  }

  /// - Parameters:
  ///   - environment: the process' variables, for the region, the endpoint and the credentials.
  ///   - credentials: nil looks for them where AWS's tools do.
  /// - Throws: `S3Error(.configuration)`; `S3Error(.credentials)` when AWS's files cannot be read.
  package init(
    _ configuration: S3Configuration, environment: S3Environment, credentials: CredentialSource? = nil,
    clock: S3Clock = .system
  ) throws(S3Error) {
    do throws(HTTPError) { http = try HTTPClient(authorities: environment["AWS_CA_BUNDLE"]) } catch {
      throw S3Error(.configuration, "talk to S3", error.message)
    }
    let place = try S3Place(configuration, environment)
    let source =
      credentials ?? CredentialChain.standard(environment, region: place.region, http: http, clock: clock)
    self.configuration = configuration
    self.clock = clock
    self.credentials = CredentialCache(source, clock: clock)
    state = Mutex(State(place: place))
  }

  /// Where the bucket is, as far as is known by now.
  package var region: String { state.withLock { $0.place.region } }

  /// The store's address; one for all of AWS, where buckets have names of their own.
  package var address: String { isAWS ? "aws" : state.withLock { $0.place.address } }

  /// Whether the store is AWS's own.
  package var isAWS: Bool { state.withLock { $0.place.isAWS } }

  /// Notes an object that the store has refused to the end of all tries, though it gave another right after. From then on the
  /// next refusal ends its reading, with the same words, until it is given. After some in a row a reading command has seen enough
  /// of what waiting brings: what is refused next is asked for `firstTries` times, until some object comes after a refusal.
  /// - Returns: whether that is news.
  package func giveUp(on key: String, _ error: S3Error) -> Bool {
    let count: Int? = state.withLock { state in
      guard state.refused[key] == nil else { return nil }
      state.refused[key] = error
      state.refusedInARow += 1
      return state.refusedInARow
    }
    if count == Self.manyRefused, let few = configuration.firstTries {
      configuration.onWait?(
        "the store \(requestOrigin) has refused \(Self.manyRefused) objects to the end of all tries, so that others which it "
          + "refuses are asked for \(few) times from now on")
    }
    return count != nil
  }

  private static let manyRefused = 3

  /// What was noted of the object that a request is to read.
  func refusal(of request: S3Request) -> S3Error? {
    guard let key = request.key, request.isReading else { return nil }
    return state.withLock { $0.refused[key] }
  }

  /// - Parameter afterRefusal: an earlier try was refused.
  func hasAnswered(_ request: S3Request, afterRefusal: Bool) {
    guard let key = request.key, request.isReading else { return }
    state.withLock { state in
      guard !state.refused.isEmpty else { return }
      if state.refused.removeValue(forKey: key) != nil || afterRefusal { state.refusedInARow = 0 }
    }
  }

  /// How often a request is tried, at most.
  /// - Parameter isRefused: the store has an answer for it, which is that it cannot.
  func tries(of request: S3Request, isRefused: Bool) -> Int {
    let (all, few) = (configuration.backoff.tries, configuration.firstTries ?? configuration.backoff.tries)
    let isOfObject = isRefused && request.isReading && request.key != nil
    return state.withLock { state in
      !state.wasReached || isOfObject && state.refusedInARow >= Self.manyRefused ? few : all
    }
  }

  /// Scheme, host and port that requests go to, as far as is known by now.
  var requestOrigin: String { state.withLock { $0.place.target(nil).host.text } }

  /// `s3://bucket/key`.
  func name(_ key: String?) -> String { "s3://\(configuration.bucket)" + (key.map { "/\($0)" } ?? "") }

  /// - Returns: whether that is news.
  func learn(_ refusal: S3Refusal) -> Bool {
    state.withLock { $0.place.learn(region: refusal.region, location: refusal.location) }
  }

  /// Sets the clock that requests are dated by after the store's.
  /// - Returns: false when the store does not tell, or it was set so already.
  func setClock(_ date: UTCTime?) -> Bool {
    guard let date else { return false }
    let skew = date.seconds - clock.now()
    return state.withLock { state in
      defer { state.skew = skew }
      return abs(state.skew - skew) > 1
    }
  }

  /// Says what is waited for, once a minute at most.
  package func tellWait(_ reason: String) {
    guard let tell = configuration.onWait else { return }
    let now = clock.uptime()
    let isDue = state.withLock { state in
      guard state.toldWait.map({ now - $0 >= .seconds(60) }) ?? true else { return false }
      state.toldWait = now
      return true
    }
    if isDue { tell("waiting for the store \(requestOrigin): \(reason)") }
  }

  /// One try.
  /// - Parameters:
  ///   - timeout: of the try, unless it has much to carry: that may take as long as something moves.
  ///   - consume: gets the body of a success in pieces; nil keeps it in the answer.
  func attempt(
    _ request: S3Request, as credentials: S3Credentials, timeout: Duration, consume: HTTPConsumer?
  ) throws(S3Error) -> S3Try {
    var sent = try sign(request, credentials)
    sent.timeout = consume == nil && request.body.count <= Self.small ? timeout : .seconds(86_400)
    var (body, taken) = ([UInt8](), 0)
    do throws(HTTPError) {
      let head = try http.send(sent) { head, piece in
        if let consume, (200..<300).contains(head.status) {
          taken += piece.count
          return consume(head, piece)
        }
        body.append(contentsOf: piece)
        return body.count <= Self.bodyLimit
      }
      state.withLock { $0.wasReached = true }
      return S3Try.of(S3Answer(head: head, body: body), to: request, as: credentials)
    } catch {
      return .broken(error, taken: taken)
    }
  }

  /// Bytes that take no long time to send.
  private static let small = 1 << 20
  /// A page of a listing with 1,000 keys of 1,024 escaped bytes is 4 MiB long.
  private static let bodyLimit = 8 << 20

  private func sign(_ request: S3Request, _ credentials: S3Credentials) throws(S3Error) -> HTTPRequest {
    let (place, skew) = state.withLock { ($0.place, $0.skew) }
    let (host, path) = place.target(request.key)
    let time = UTCTime(seconds: clock.now() + skew)
    var headers = request.headers
    headers.append(CanonicalRequest.Pair(name: "x-amz-content-sha256", value: request.payloadHash))
    headers.append(CanonicalRequest.Pair(name: "x-amz-date", value: time.compact))
    if let token = credentials.sessionToken {
      headers.append(CanonicalRequest.Pair(name: "x-amz-security-token", value: token))
    }
    let canonical = CanonicalRequest(
      method: request.method, path: path, query: request.query,
      headers: headers + [CanonicalRequest.Pair(name: "host", value: host.authority)],
      payloadHash: request.payloadHash)
    let signature = SigV4(region: place.region, service: "s3").authorization(canonical, credentials, at: time)
    headers.append(CanonicalRequest.Pair(name: "Authorization", value: signature))
    do throws(HTTPError) {
      return try build(request, to: host.text + canonical.target, headers)
    } catch {
      throw S3Error(.configuration, "\(request.verb) \(name(request.key))", error.message)
    }
  }

  private func build(
    _ request: S3Request, to url: String, _ headers: [CanonicalRequest.Pair]
  ) throws(HTTPError) -> HTTPRequest {
    var all: [HTTPRequest.Header] = []
    for header in headers { all.append(try HTTPRequest.Header(header.name, header.value)) }
    var built = HTTPRequest(
      request.method, try HTTPAddress(url), headers: all, body: request.body, timeout: configuration.limit)
    built.connectTimeout = configuration.connectLimit
    built.stallTimeout = configuration.stallLimit
    // A redirect or a refusal then comes before the bytes went to the wrong place.
    built.asksFirst = request.body.count > Self.small
    return built
  }
}

/// Gets an answer's body in pieces; false ends the exchange.
typealias HTTPConsumer = (_ head: HTTPHead, _ piece: UnsafeRawBufferPointer) -> Bool
