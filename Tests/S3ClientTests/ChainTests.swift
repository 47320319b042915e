import S3Client
import Synchronization
import TestSupport
import TestTraits
import Testing

/// Writers who replace one object in turn, as a dataset's pointer is moved, over a way that does what it likes.
@Suite(.ownThread) struct ChainTests {
  /// The same numbers for the same seed.
  private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }

  /// Puts a name at the end of the list that the object is, until it is known to be there.
  private static func append(_ name: String, to key: String, by client: S3Client) throws(S3Error) {
    while true {
      do throws(S3Error) {
        let (list, condition) = try read(key, by: client)
        if list.contains(name) { return }
        try client.put(key, bytes((list + [name]).joined(separator: "\n")), if: condition)
        return
      } catch {
        // The next look says what has become of it; what is replaced while it is read is read again.
        guard error.kind == .conditionFailed || error.kind == .uncertain else { throw error }
      }
    }
  }

  private static func read(_ key: String, by client: S3Client) throws(S3Error) -> ([String], S3Condition) {
    do throws(S3Error) {
      let object = try client.get(key)
      let list = String(decoding: object.bytes, as: UTF8.self).split(separator: "\n").map(String.init)
      return (list, .matches(object.info.etag))
    } catch {
      guard error.kind == .noSuchKey else { throw error }
      return ([], .absent)
    }
  }

  @Test(arguments: S3Server.allCases, [1, 2, 3] as [UInt64])
  func nothingIsLostOrDoubled(_ server: S3Server, _ seed: UInt64) throws {
    let (upstream, direct, key) = (try server.upstream(), try server.client(), freshKey())
    let dice = Mutex(Dice(state: seed))
    let others = Mutex<[String]>([])
    let proxy = try HTTPServer { request, _ in
      let (fault, place) = dice.withLock { dice in
        (Int.random(in: 0..<16, using: &dice), Int.random(in: 0..<400, using: &dice))
      }
      if fault % 4 == 1 {
        let name = others.withLock { names in
          names.append("other-\(names.count)")
          return "other-\(names.count - 1)"
        }
        #expect(throws: Never.self) { try Self.append(name, to: key, by: direct) }
      }
      switch fault {
      case 0..<8: return .relay(to: upstream)
      case 8..<11: return .relay(to: upstream, .lost)
      case 11..<13: return request.line.hasPrefix("GET") ? .relay(to: upstream, .cut(after: place)) : .hangUp
      case 13: return .status(500, body: "")
      case 14: return .status(503, body: "<Error><Code>SlowDown</Code></Error>")
      default: return .hangUp
      }
    }
    let client = try server.client(through: proxy, clock: FastClock().clock()) {
      $0.limit = .seconds(3_600)
      $0.backoff.tries = 100
    }
    let names = (0..<25).map { "own-\($0)" }
    for name in names { try Self.append(name, to: key, by: client) }
    let list = try Self.read(key, by: direct).0
    #expect(list.sorted() == (names + others.withLock { $0 }).sorted())
    #expect(list.filter { $0.hasPrefix("own") } == names)
  }
}
