/// Commands that travel together: their bytes, how many replies they bring, and who waits for them.
struct Call: Sendable {
  typealias Outcome = Result<[RedisReply], RedisError>

  let bytes: [UInt8]
  let replyCount: Int
  let deadline: Monotonic
  /// True fails the call at the first failed attempt to connect, instead of at its deadline.
  let failsDuringOutage: Bool
  /// Called exactly once, on the owner thread or, for a closed connection, on the caller's.
  let complete: @Sendable (Outcome) -> Void
}
