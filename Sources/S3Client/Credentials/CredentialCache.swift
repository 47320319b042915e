import Synchronization

/// Credentials that are kept until shortly before they end, and then are fetched again by one thread, while the others
/// go on with the old ones as long as these hold.
package final class CredentialCache: Sendable {
  /// Seconds before the end at which new ones are fetched.
  static let margin = 300
  /// Seconds between tries to renew credentials that still hold.
  static let pause = 15

  private struct State {
    var credentials: S3Credentials?
    /// Unix seconds.
    var nextRenewal = 0
  }

  private let source: CredentialSource
  private let clock: S3Clock
  private let state = Mutex(State())
  /// Held by the one who fetches.
  private let fetching = Mutex(())

  package init(_ source: CredentialSource, clock: S3Clock = .system) {
    self.source = source
    self.clock = clock
  }

  /// - Throws: `S3Error(.credentials)` when there are none, or none that still hold.
  package func current() throws(S3Error) -> S3Credentials {
    let known = state.withLock { $0 }
    guard let credentials = known.credentials, !isOver(credentials) else {
      return try fetch(unlessRenewed: known.credentials)
    }
    if isDue(credentials), clock.now() >= known.nextRenewal { renew(credentials) }
    return state.withLock { $0.credentials } ?? credentials
  }

  /// After the server refused these as ended or unknown.
  /// - Throws: `S3Error(.credentials)` when there are no others.
  package func replace(_ refused: S3Credentials) throws(S3Error) -> S3Credentials {
    let fresh = try fetch(unlessRenewed: refused)
    guard !fresh.isSameKey(as: refused) else {
      throw .credentials(
        "the server says that the \(refused) have ended", remedy: "renew them there, or use a source that renews itself"
      )
    }
    return fresh
  }

  /// Failure is no matter while the old ones hold: the next request after a pause tries again.
  private func renew(_ held: S3Credentials) {
    let pause = clock.now() + Self.pause
    _ = fetching.withLockIfAvailable { _ in
      state.withLock { $0.nextRenewal = pause }
      do throws(S3Error) { try store(source.load()) } catch {
        // Told by `current` once the old ones are over.
      }
    }
  }

  private func fetch(unlessRenewed old: S3Credentials?) throws(S3Error) -> S3Credentials {
    let result = fetching.withLock { _ -> Result<S3Credentials, S3Error> in
      // Somebody else may have been at it meanwhile.
      if let now = state.withLock({ $0.credentials }), !isOver(now), old.map({ !now.isSameKey(as: $0) }) ?? true {
        return .success(now)
      }
      do throws(S3Error) { return .success(try store(source.load())) } catch { return .failure(error) }
    }
    return try result.get()
  }

  @discardableResult private func store(_ loaded: S3Credentials?) throws(S3Error) -> S3Credentials {
    guard let loaded else {
      throw .credentials(
        "there are none in \(source.name)", remedy: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
    }
    state.withLock { $0.credentials = loaded }
    return loaded
  }

  private func isDue(_ credentials: S3Credentials) -> Bool {
    credentials.expiry.map { clock.now() >= $0 - Self.margin } ?? false
  }

  private func isOver(_ credentials: S3Credentials) -> Bool {
    credentials.expiry.map { clock.now() >= $0 } ?? false
  }
}
