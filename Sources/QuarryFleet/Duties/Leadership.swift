import QuarryCore
import Synchronization

/// Who does the fleet's shared duties: the leading coordinator, or the workers while there is none.
final class Leadership: Sendable {
  /// The right to do shared duties; the number is given to each transition, so that a term that ended is refused.
  enum Right: Sendable, Equatable {
    case coordinator(term: Int64)
    case worker

    var term: Int64 { if case .coordinator(let term) = self { term } else { 0 } }
  }
  private let right = Mutex<Right?>(nil)

  var current: Right? { right.withLock { $0 } }

  /// Redis refused this right; another that was taken meanwhile stays.
  func resign(_ refused: Right) {
    right.withLock { right in if right == refused { right = nil } }
  }

  /// - Returns: whether that is news.
  @discardableResult func set(_ new: Right?) -> Bool {
    right.withLock { right in
      defer { right = new }
      return right != new
    }
  }
}
