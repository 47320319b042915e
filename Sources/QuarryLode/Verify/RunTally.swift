import QuarryCore

/// What the records of one run add up to. Memory: the `seq` of one snapshot's events, and the artifacts of the run.
struct RunTally {
  /// Of one run, when all of it was read.
  struct Verdict {
    let severity: Finding.Severity
    let kind: Finding.Kind
    let message: String
  }

  private var unsorted: [Int64] = []
  private var expected: Int64 = 1
  /// How many were passed over, and the first of them.
  private var missing = (count: Int64(0), first: Int64(0))
  /// How many came again or late, and the first of them.
  private var repeated = (count: Int64(0), first: Int64(0))
  private var distinct: Int64 = 0
  private var open: [String: StoredArtifact] = [:]
  private var closed: Set<String> = []
  private var damages: [Verdict] = []
  private var ends: Set<String> = []
  private var metrics: JSONValue?
  private var policy: String?

  var artifactCount: Int { closed.count }

  mutating func take(event members: JSONValue) {
    if let seq = members["seq"]?.integer { unsorted.append(seq) }
    policy = policy ?? members["policy"]?.string
    if let type = members["event_type"]?.string, type == "run_complete" || type == "run_error" { ends.insert(type) }
  }

  mutating func take(metrics members: JSONValue) { metrics = members }

  mutating func take(
    chunk members: [String: JSONValue], path: String, place: Int64, lineLength: Int
  ) {
    guard let id = members["artifact_id"]?.string, !closed.contains(id) else { return }
    open[id, default: StoredArtifact(id: id)].take(chunk: members, path: path, place: place, lineLength: lineLength)
  }

  /// The commit of an artifact; its chunks come before it.
  mutating func take(commit value: JSONValue) {
    guard let id = value["artifact_id"]?.string, closed.insert(id).inserted else { return }
    var artifact = open.removeValue(forKey: id) ?? StoredArtifact(id: id)
    artifact.take(commit: value.object ?? [:])
    guard let fault = artifact.fault, damages.count < 1_000 else { return }
    damages.append(Verdict(severity: .error, kind: .artifact, message: "artifact \(id): \(fault)"))
  }

  /// All files of one snapshot have been read: its events are in order, though each type has a file of its own.
  mutating func endOfSnapshot() {
    for seq in unsorted.sorted() {
      if seq < expected {
        repeated = (repeated.count + 1, repeated.count == 0 ? seq : repeated.first)
        continue
      }
      if seq > expected {
        missing = (missing.count &+| (seq - expected), missing.count == 0 ? expected : missing.first)
      }
      distinct += 1
      expected = seq == .max ? seq : seq + 1
    }
    unsorted.removeAll(keepingCapacity: true)
  }

  func verdicts() -> [Verdict] {
    damages + sequence() + end()
      + open.keys.sorted().map { Verdict(severity: .note, kind: .artifact, message: "artifact \($0) has no commit") }
  }

  private func sequence() -> [Verdict] {
    var verdicts: [Verdict] = []
    let lost = metrics?["event_sinks"]?["lode"]?["events_lost_total"]?.integer ?? 0
    let dropped = (metrics?["events_dropped_total"]?.integer ?? 0) &+| lost
    if missing.count > dropped {
      // What a killed writer had dropped, nobody knows.
      let mayBeDropped = metrics == nil && policy == "buffered"
      let message = "\(missing.count) events are missing, the first has seq \(missing.first); \(dropped) were dropped"
      verdicts.append(Verdict(severity: mayBeDropped ? .note : .error, kind: .sequence, message: message))
    }
    if repeated.count > 0 {
      let message = "\(repeated.count) events are stored again or too late, the first has seq \(repeated.first)"
      verdicts.append(Verdict(severity: policy == "buffered" ? .note : .error, kind: .sequence, message: message))
    }
    return verdicts
  }

  private func end() -> [Verdict] {
    guard let metrics else {
      let state = ends.isEmpty ? "neither an end nor metrics: it goes on, or its writer died" : "no metrics"
      return [Verdict(severity: .note, kind: .run, message: "the run has \(state)")]
    }
    var verdicts: [Verdict] = []
    if metrics["runs_completed_total"]?.integer ?? 0 > 0, !ends.contains("run_complete") {
      verdicts.append(
        Verdict(severity: .error, kind: .metrics, message: "the run is said to be complete and has no run_complete"))
    }
    // With several event sinks it counts what any of them has.
    let persisted = metrics["events_persisted_total"]?.integer ?? 0
    if metrics["event_sinks"] == nil, persisted > distinct {
      let message = "\(persisted) events are said to be stored, and \(distinct) are"
      verdicts.append(Verdict(severity: .error, kind: .metrics, message: message))
    }
    return verdicts
  }
}
