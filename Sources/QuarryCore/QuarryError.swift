/// What went wrong, and what to do about it, in words for the person who typed the command.
package struct QuarryError: Error, Sendable, Equatable {
  /// Which part refused. Decides the exit code of a command and whether a retry makes sense.
  package enum Kind: String, Sendable {
    /// A flag, config key, job or name that cannot be used.
    case usage
    /// The dataset could not be read or written.
    case storage
    /// Redis refused, could not be reached, or answered what no transition answers.
    case redis
    /// The executor, Node or the browser could not be started.
    case executor
    /// A frame, envelope or payload outside the contract.
    case stream
    /// The fleet's state is not the one this process belongs to (another generation, a lost term).
    case fleet
  }

  package let kind: Kind
  /// Names the thing and the place, without a full stop.
  package let message: String
  /// The next thing to type or change, when there is one.
  package let remedy: String?
  /// It was the other side that said no, and not the way to it that failed.
  package let isAnswer: Bool

  package init(_ kind: Kind, _ message: String, remedy: String? = nil, isAnswer: Bool = false) {
    self.kind = kind
    self.message = message
    self.remedy = remedy
    self.isAnswer = isAnswer
  }
}

extension QuarryError: CustomStringConvertible {
  package var description: String {
    guard let remedy else { return message }
    return "\(message)\n  \(remedy)"
  }
}
