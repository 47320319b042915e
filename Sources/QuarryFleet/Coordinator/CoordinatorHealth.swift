import QuarryCore
import Synchronization

/// What keeps a coordinator from a part of what it is for. Redis has it while the coordinator leads, so that others see it.
final class CoordinatorHealth: Sendable {
  /// In the order in which they are told.
  enum Part: CaseIterable { case redis, storage, ledger, submissions, notifications }

  private static let limit = 4_096
  private let ailments = Mutex<[Part: String]>([:])

  /// - Parameter ailment: nil when the part is well.
  /// - Returns: whether the part was well and is not, or the other way round.
  @discardableResult
  func set(_ part: Part, _ ailment: String?) -> Bool {
    ailments.withLock { ailments in
      defer { ailments[part] = ailment }
      return (ailments[part] == nil) != (ailment == nil)
    }
  }

  /// For a person, 4 KiB at most; empty when all is well.
  var text: String {
    let ailments = ailments.withLock { $0 }
    let text = Part.allCases.compactMap { ailments[$0] }.joined(separator: "; ")
    return text.utf8.count > Self.limit ? text.beginning(Self.limit - 3) + "…" : text
  }
}
