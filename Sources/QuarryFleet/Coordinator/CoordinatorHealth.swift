import QuarryCore
import Synchronization

/// What keeps a coordinator from a part of what it is for. Redis has it while the coordinator leads, so that others see it.
final class CoordinatorHealth: Sendable {
  /// In the order in which they are told.
  enum Part: CaseIterable { case redis, ledger, submissions, notifications }

  private static let limit = 4_096
  private let ailments = Mutex<[Part: String]>([:])

  /// - Parameter ailment: nil when the part is well.
  func set(_ part: Part, _ ailment: String?) { ailments.withLock { $0[part] = ailment } }

  /// For a person, 4 KiB at most; empty when all is well.
  var text: String {
    let ailments = ailments.withLock { $0 }
    let text = Part.allCases.compactMap { ailments[$0] }.joined(separator: "; ")
    return text.utf8.count > Self.limit ? text.beginning(Self.limit - 3) + "…" : text
  }
}
