import QuarryCore

/// The metrics records of several runs as one: counters are added up, `ts` is the last, and of the rest there is what all of
/// them say. Of one run it is that run's record.
package struct MetricsTotals: Sendable, Equatable {
  /// Records that were added.
  package private(set) var runs = 0
  /// The record's own names; null for what differs from run to run.
  package private(set) var members: [String: JSONValue] = [:]

  /// What says where the record lies, and not what the run came to.
  private static let placement: Set<String> = ["record_kind", "event_type"]

  package init() {}

  package mutating func add(_ record: JSONValue) {
    let more = (record.object ?? [:]).filter { !Self.placement.contains($0.key) }
    runs += 1
    members = runs == 1 ? more : Self.joined(members, more)
  }

  private static func joined(_ left: [String: JSONValue], _ right: [String: JSONValue]) -> [String: JSONValue] {
    var all: [String: JSONValue] = [:]
    for name in Set(left.keys).union(right.keys) { all[name] = joined(left[name], right[name], name: name) }
    return all
  }

  private static func joined(_ left: JSONValue?, _ right: JSONValue?, name: String) -> JSONValue {
    switch (left, right) {
    case (.integer(let one)?, .integer(let other)?): return .integer(one &+| other)
    // Counters that a run did not need are absent in its record.
    case (.integer(let one)?, nil), (nil, .integer(let one)?): return .integer(one)
    case (.object(let one)?, .object(let other)?): return .object(joined(one, other))
    case (.object(let one)?, nil), (nil, .object(let one)?): return .object(one)
    case (.string(let one)?, .string(let other)?) where name == "ts": return .string(later(one, other))
    case (let one?, let other?): return one == other ? one : .null
    default: return .null
    }
  }

  private static func later(_ one: String, _ other: String) -> String {
    guard let first = Timestamp(one), let second = Timestamp(other) else { return max(one, other) }
    return first < second ? other : one
  }
}
