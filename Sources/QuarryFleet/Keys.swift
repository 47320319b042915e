import QuarryCore

/// All of a fleet's keys. They carry one hash tag, so that every script touches one slot of a cluster; a fleet that
/// outgrows a slot will be split by host into tags `{name:0}`, `{name:1}`, … here and nowhere else.
///
/// Scripts are given `meta` alone and make the others in `_keys.lua`, which has the same names; a test holds the two
/// together. `docs/contracts/CONTRACT_FLEET.md` says what each holds.
package struct Keys: Sendable, Hashable {
  /// `quarry:{name}:`
  package let prefix: String

  /// Number of what the keys hold and scripts expect of them; another one for each change that builds before it do not
  /// understand.
  static let layout = "2"

  /// - Parameter fleet: 1 to 64 of `A–Z a–z 0–9 . _ -`.
  /// - Throws: `QuarryError(.usage)` for any other name.
  package init(fleet: String) throws(QuarryError) {
    guard Self.isName(fleet, longest: 64) else {
      throw QuarryError(
        .usage, "'\(fleet)' cannot name a fleet", remedy: "Use 1 to 64 of the characters A-Z a-z 0-9 . _ -")
    }
    prefix = "quarry:{\(fleet)}:"
  }

  package var meta: String { prefix + "meta" }
  package var events: String { prefix + "events" }
  package var notifications: String { prefix + "notifications" }
  package var submissions: String { prefix + "submissions" }
  package var rejects: String { prefix + "rejects" }
  package var outbox: String { prefix + "outbox" }
  package var admitterWake: String { prefix + "wake:admit" }
  package var jobs: String { prefix + "jobs" }
  package var workers: String { prefix + "workers" }
  package var scheduled: String { prefix + "scheduled" }
  package var leases: String { prefix + "leases" }
  package var unsettled: String { prefix + "unsettled" }
  package var cancelling: String { prefix + "cancelling" }

  package func job(_ id: String) -> String { prefix + "job:" + id }
  package func task(_ id: String) -> String { prefix + "task:" + id }
  package func worker(_ id: String) -> String { prefix + "worker:" + id }
  package func host(_ name: String) -> String { prefix + "host:" + name }
  package func index(_ job: String, _ state: TaskState) -> String { prefix + "index:\(job):\(state.rawValue)" }
  package func ready(_ lane: String, _ job: String, _ host: String) -> String {
    prefix + "ready:\(lane):\(job):\(host)"
  }
  package func fingerprints(_ job: String) -> String { prefix + "prints:" + job }
  /// Idle workers of one storage block on it.
  package func workerWake(_ storage: String) -> String { prefix + "wake:work:" + storage }

  /// Whether a text may stand between colons in a key: fleets, jobs, tasks, workers, pools.
  static func isName(_ text: String, longest: Int) -> Bool {
    !text.isEmpty && text.utf8.count <= longest
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}

/// Where a task is; it is in exactly one of these at every instant.
package enum TaskState: String, Sendable, CaseIterable {
  case ready, scheduled, leased, done, dead, cancelled
}
