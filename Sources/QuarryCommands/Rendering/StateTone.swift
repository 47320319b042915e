/// What a state says of how things go; tables and the viewer colour it.
enum StateTone {
  case good, bad, going

  /// Nil for what is no state.
  init?(_ text: String) {
    switch text {
    case "succeeded", "success", "done", "finished", "up": self = .good
    case "failed", "dead", "lost", "down": self = .bad
    case "running", "leased", "active": self = .going
    default: return nil
    }
  }
}
