import QuarryFleet
import RedisClient

/// A key of a fleet at which scripts end for a while, in the middle of what they do.
struct Damage {
  private let raw: RedisConnection
  private let mark: RedisArgument

  init(_ bench: QueueBench, _ key: String) {
    raw = bench.raw
    mark = .text("damaged:" + key)
  }

  func make() async throws { _ = try await raw.send(["SET", mark, ""]) }
  func mend() async throws { _ = try await raw.send(["DEL", mark]) }

  /// Scripts that look at each key whether it is damaged.
  static let scripts = Dictionary(
    uniqueKeysWithValues: Script.all.map { script in
      let call = "local function call(...)\n"
      let check =
        "local name = select(2, ...)\n if name and redis.call('EXISTS', 'damaged:' .. name) == 1 then error('cut short') end\n"
      return (script.name, RedisScript(script.script.source.replacing(call, with: call + check)))
    })
}
