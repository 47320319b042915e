import QuarryFleet
import RedisClient

/// A key of a fleet that holds something else for a while, so that a script that comes to it ends there.
struct Damage {
  private let raw: RedisConnection
  private let key: RedisArgument
  private let aside: RedisArgument

  init(_ bench: QueueBench, _ key: String) {
    raw = bench.raw
    self.key = .text(key)
    aside = .text("aside:" + key)
  }

  func make() async throws {
    if try await raw.send(["EXISTS", key]).int == 1 { _ = try await raw.send(["RENAME", key, aside]) }
    _ = try await raw.send(["SET", key, "not what it should be"])
  }

  func mend() async throws {
    _ = try await raw.send(["DEL", key])
    if try await raw.send(["EXISTS", aside]).int == 1 { _ = try await raw.send(["RENAME", aside, key]) }
  }
}
