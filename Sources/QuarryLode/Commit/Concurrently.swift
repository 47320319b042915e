import Dispatch
import QuarryCore
import Synchronization

/// Work that waits for others more than it computes, on several threads at once.
enum Concurrently {
  private static let crew = Crew()

  /// - Returns: what came of each item, in their order.
  static func map<Item: Sendable, Value: Sendable>(
    _ items: [Item], width: Int, _ body: @escaping @Sendable (Item) -> Value
  ) -> [Value] {
    guard items.count > 1 else { return items.map(body) }
    let work = Work(items, body)
    let helpers = min(width, items.count) - 1
    let done = DispatchSemaphore(value: 0)
    for _ in 0..<helpers {
      crew.start {
        work.run()
        done.signal()
      }
    }
    work.run()
    for _ in 0..<helpers { done.wait() }
    return work.results
  }

  private final class Work<Item: Sendable, Value: Sendable>: Sendable {
    private let items: [Item]
    private let body: @Sendable (Item) -> Value
    private let state: Mutex<(next: Int, values: [Int: Value])>

    init(_ items: [Item], _ body: @escaping @Sendable (Item) -> Value) {
      self.items = items
      self.body = body
      state = Mutex((0, [:]))
    }

    var results: [Value] { state.withLock { state in items.indices.compactMap { state.values[$0] } } }

    func run() {
      while let index = take() {
        let value = body(items[index])
        state.withLock { $0.values[index] = value }
      }
    }

    private func take() -> Int? {
      state.withLock { state in
        guard state.next < items.count else { return nil }
        defer { state.next += 1 }
        return state.next
      }
    }
  }
}

extension DatasetLayout {
  /// What the store does with each item: a bucket, whose answers come over a network, with several at once, a disk with one
  /// after the other.
  func concurrently<Item: Sendable, Value: Sendable>(
    _ items: [Item], _ work: @escaping @Sendable (Item) throws(FileFailure) -> Value
  ) -> [Result<Value, FileFailure>] {
    Concurrently.map(items, width: isOnDisk ? 1 : 16) { item in
      Result { () throws(FileFailure) in try work(item) }
    }
  }
}

/// Threads that stay for the next work, since starting one costs as much as a short wait for a disk.
private final class Crew: Sendable {
  private struct State {
    var work: [@Sendable () -> Void] = []
    /// Threads that sleep and that nobody has woken yet.
    var idle = 0
  }

  private let state = Mutex(State())
  private let wakes = DispatchSemaphore(value: 0)

  func start(_ work: @escaping @Sendable () -> Void) {
    let isTaken = state.withLock { state in
      state.work.append(work)
      guard state.idle > 0 else { return false }
      state.idle -= 1
      return true
    }
    if isTaken { wakes.signal() } else { OwnThread.start { [self] in serve() } }
  }

  private func serve() -> Never {
    while true {
      let next = state.withLock { state -> (@Sendable () -> Void)? in
        guard state.work.isEmpty else { return state.work.removeFirst() }
        state.idle += 1
        return nil
      }
      if let next { next() } else { wakes.wait() }
    }
  }
}
