import S3Client
import Synchronization
import TestSupport
import TestTraits
import Testing

/// When credentials are fetched, and who waits for that.
@Suite(.ownThread) struct CredentialCacheTests {
  private let clock = FastClock()

  /// Credentials that hold for an hour each, numbered; nil fails.
  private final class Numbered: Sendable {
    let loads = Mutex(0)
    let isWorking = Mutex(true)
    let clock: S3Clock

    init(_ clock: S3Clock) { self.clock = clock }

    var source: CredentialSource {
      CredentialSource("the tests") { [self] () throws(S3Error) in
        let number = loads.withLock { count in
          count += 1
          return count
        }
        guard isWorking.withLock({ $0 }) else { throw S3Error(.credentials, "find credentials", "no answer") }
        return S3Credentials(
          accessKey: "key-\(number)", secretKey: "s", expiry: clock.now() + 3_600, source: "the tests")
      }
    }

    var count: Int { loads.withLock { $0 } }
  }

  @Test func theyAreKeptUntilShortlyBeforeTheirEnd() throws {
    let numbered = Numbered(clock.clock())
    let cache = CredentialCache(numbered.source, clock: clock.clock())
    #expect(try cache.current().accessKey == "key-1" && cache.current().accessKey == "key-1")
    clock.set(ahead: 3_200)
    #expect(try cache.current().accessKey == "key-1")
    clock.set(ahead: 3_400)
    #expect(try cache.current().accessKey == "key-2" && numbered.count == 2)
  }

  @Test func whileTheyHoldAFailureIsNoMatter() throws {
    let numbered = Numbered(clock.clock())
    let cache = CredentialCache(numbered.source, clock: clock.clock())
    _ = try cache.current()
    numbered.isWorking.withLock { $0 = false }
    clock.set(ahead: 3_400)
    for _ in 0..<5 { #expect(try cache.current().accessKey == "key-1") }
    // Not with every request, but after a pause.
    #expect(numbered.count == 2)
    clock.set(ahead: 3_420)
    #expect(try cache.current().accessKey == "key-1" && numbered.count == 3)
    clock.set(ahead: 3_700)
    #expect(#expect(throws: S3Error.self) { try cache.current() }?.reason == "no answer")
    numbered.isWorking.withLock { $0 = true }
    #expect(try cache.current().accessKey == "key-5")
  }

  @Test func manyThreadsFetchOnce() throws {
    let numbered = Numbered(clock.clock())
    let cache = CredentialCache(numbered.source, clock: clock.clock())
    onThreads(8) { _ in #expect(throws: Never.self) { try cache.current() } }
    #expect(numbered.count == 1)
    let refused = try cache.current()
    onThreads(8) { _ in #expect(throws: Never.self) { try cache.replace(refused) } }
    #expect(try cache.current().accessKey == "key-2" && numbered.count == 2)
  }

  @Test func noneIsAnErrorWithAWayOut() throws {
    let cache = CredentialCache(CredentialSource("the tests") { nil }, clock: clock.clock())
    let error = #expect(throws: S3Error.self) { try cache.current() }
    #expect(
      error?.reason == "there are none in the tests"
        && error?.advice == "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
  }
}
