/// How a command under the shepherd ended, all of its descendants with it.
package enum ProcessEnd: Sendable, Equatable {
  case exited(Int32)
  case signalled(Int32)
  /// Killed by the shepherd because its deadline passed.
  case deadline
  /// Never began; the `errno`.
  case failedToStart(Int32)
  /// The shepherd itself was killed, so nothing is known.
  case unknown

  /// - Parameter statusLine: what the shepherd wrote to its status pipe, whole.
  init(statusLine: some StringProtocol) {
    let words = statusLine.split(whereSeparator: \.isWhitespace)
    let number = words.dropFirst().first.flatMap { Int32($0) }
    switch (words.first, number) {
    case ("exit", let code?): self = .exited(code)
    case ("signal", let signal?): self = .signalled(signal)
    case ("failed", let code?): self = .failedToStart(code)
    case ("deadline", nil): self = .deadline
    default: self = .unknown
    }
  }
}

extension ProcessEnd: CustomStringConvertible {
  package var description: String {
    switch self {
    case .exited(let code): "exited with code \(code)"
    case .signalled(let signal): "was killed by signal \(signal)"
    case .deadline: "was killed when its deadline passed"
    case .failedToStart(let code): "could not be started: \(errorText(code))"
    case .unknown: "was lost: its supervisor was killed"
    }
  }
}
