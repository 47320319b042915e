import QuarryCore

/// Why a command changed nothing.
package struct ControlRefusal: Sendable, Equatable {
  /// As `control.lua` gives it.
  package let reason: String
  package let verb: ControlVerb
  package let subject: ControlSubject
  package let fleet: String
  package let flags: FleetFlags

  package init(reason: String, verb: ControlVerb, subject: ControlSubject, fleet: String, flags: FleetFlags) {
    self.reason = reason
    self.verb = verb
    self.subject = subject
    self.fleet = fleet
    self.flags = flags
  }

  /// There is no such job, task, worker.
  package var isUnknown: Bool { reason == "unknown" }
  /// Redis has let go of what would keep the job from doing its work twice; its ledger has it.
  package var isForgotten: Bool { reason == "forgotten" }

  /// For a person.
  package var error: QuarryError {
    let what = subject == .fleet ? "fleet '\(fleet)'" : "\(subject.kind) '\(subject.id)'"
    func refusal(_ text: String, _ remedy: String? = nil) -> QuarryError {
      QuarryError(.usage, "cannot \(verb.rawValue): \(text)", remedy: remedy)
    }
    switch reason {
    case "unknown":
      return refusal(
        "fleet '\(fleet)' has no \(subject.kind) '\(subject.id)'",
        "`quarry list \(subject.kind)s\(flags.fleet)` shows those there are")
    case "forgotten":
      return refusal(
        "the fleet has let go of what \(what) has done, and would do it again",
        "name the dataset whose ledger has it: quarry requeue --from-ledger --job \(subject.kind == "job" ? subject.id : "ID")"
          + "\(flags.fleet) --storage-path DIR")
    case "unrecorded": return refusal("the ledger does not have the death of \(what) yet", "try again in a few seconds")
    case "cancelled": return refusal("\(what) is cancelled, which is final")
    case "restoring":
      return refusal(
        "\(what) is being rebuilt from its ledger", "when nobody does it any more: \(flags.rebuild(subject.id))")
    case "draining": return refusal("\(what) was told to leave, and does as soon as its runs have ended")
    case "finished": return refusal("\(what) is finished")
    case "done", "dead", "ready", "scheduled", "leased": return refusal("\(what) is \(reason)")
    default: return refusal("\(what) cannot have \(reason)")
    }
  }
}
