import QuarryCore
import Synchronization

/// A store in which what cannot be read passes for what is not there, and is kept in mind: one damaged file or locked folder
/// hides nothing of the others. What has to do with the store as a whole is an error as ever.
struct ForgivingStore: WrappingStore {
  private let layout: DatasetLayout
  private let forgiven: ForgivenFailures

  /// - Parameter layout: of the dataset, in the store as it is.
  init(_ layout: DatasetLayout, _ forgiven: ForgivenFailures) {
    self.layout = layout
    self.forgiven = forgiven
  }

  var store: any DatasetStore { layout.store }

  func ask<Value>(_ instead: Value, _ question: () throws(FileFailure) -> Value) throws(FileFailure) -> Value {
    do { return try question() } catch {
      guard layout.isOfOneFile(error) else { throw error }
      forgiven.add(error)
      return instead
    }
  }
}

/// Failures that a `ForgivingStore` passed over, each once, in their order.
final class ForgivenFailures: Sendable {
  private let failures = Mutex<(all: [FileFailure], paths: Set<String>)>(([], []))

  var all: [FileFailure] { failures.withLock { $0.all } }

  func has(_ path: String) -> Bool { failures.withLock { $0.paths.contains(path) } }

  func hasAny(below folder: String) -> Bool { failures.withLock { $0.all.contains { $0.path.hasPrefix(folder) } } }

  /// Of one place only the first.
  func add(_ failure: FileFailure) {
    failures.withLock { if $0.paths.insert(failure.path).inserted { $0.all.append(failure) } }
  }

  func messages(root: String) -> [String] { all.map { $0.described(root: root).message } }
}
