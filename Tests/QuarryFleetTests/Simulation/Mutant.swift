import QuarryFleet
import RedisClient
import Testing

/// A small mistake in a script: the simulation must notice each.
struct Mutant: CustomTestStringConvertible {
  /// Entries that the outbox takes in a simulation, so that it is full now and then.
  static let outboxLimit = 12
  /// Ready tasks that are looked through at once for those of lists that were taken away.
  static let searchStep = 3

  let name: String
  let from: String
  let to: String
  /// Where the search begins: the first seed that saw it when it was last looked for. Any other may do.
  var seed: UInt64 = 1

  var testDescription: String { name }

  struct Unfit: Error { let description: String }

  /// The scripts of a simulation, with the mistake in every one that has the text.
  /// - Throws: `Unfit` when none has it, or one has it twice: the mutant is out of date.
  static func scripts(with mutant: Mutant?) throws -> [String: RedisScript] {
    var scripts: [String: RedisScript] = [:]
    var hits = 0
    for script in Script.all {
      var source = script.script.source
      if let mutant {
        // What puts things right once nothing is under way would hide mistakes.
        source = source.replacing("if not is_looking then patrol() end", with: "")
        let parts = source.split(separator: mutant.from, omittingEmptySubsequences: false)
        guard parts.count <= 2 else { throw Unfit(description: "'\(mutant.name)' fits \(script.name) more than once") }
        hits += parts.count - 1
        source = parts.joined(separator: mutant.to)
      }
      source = source.replacing("waiting >= 10000", with: "waiting >= \(outboxLimit)")
        .replacing("SEARCH_STEP = 500", with: "SEARCH_STEP = \(searchStep)")
      scripts[script.name] = RedisScript(Oracle.underSimulatedTime(source))
    }
    guard mutant == nil || hits > 0 else {
      throw Unfit(description: "'\(mutant?.name ?? "")' fits no script: its text has changed")
    }
    return scripts
  }
}
