import QuarryCore
import Synchronization

/// One look at what a command answers.
package struct DocumentReading: Sendable {
  let document: Output
  /// What was said beside it: warnings, and what people should know.
  let notes: [String]
  let at: Timestamp

  package init(document: Output, notes: [String], at: Timestamp) {
    self.document = document
    self.notes = notes
    self.at = at
  }
}

/// Reads a document again, when it is asked to, beside the thread that shows it.
package final class DocumentFeed: Sendable {
  package enum News: Sendable {
    case read(DocumentReading)
    /// Why not, on one line.
    case failed(String, at: Timestamp)
  }

  private struct State {
    var isReading = false
    var news: News?
  }
  private let read: @Sendable () async -> News
  private let announce: @Sendable () -> Void
  private let state = Mutex(State())

  /// - Parameter announce: called when there are news.
  package init(announce: @escaping @Sendable () -> Void, read: @escaping @Sendable () async -> News) {
    self.announce = announce
    self.read = read
  }

  var isReading: Bool { state.withLock { $0.isReading } }

  /// Begins to read, unless that goes on already.
  func request() {
    let begins = state.withLock { state in
      defer { state.isReading = true }
      return !state.isReading
    }
    guard begins else { return }
    Task {
      let news = await read()
      state.withLock { $0 = State(isReading: false, news: news) }
      announce()
    }
  }

  /// What was read last, once.
  func take() -> News? {
    state.withLock { state in
      defer { state.news = nil }
      return state.news
    }
  }
}
