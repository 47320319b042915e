import Foundation

/// Runs on so many threads at once and returns when all are through.
package func onThreads(_ count: Int, _ body: @escaping @Sendable (_ number: Int) -> Void) {
  let done = DispatchSemaphore(value: 0)
  for number in 0..<count {
    Thread.detachNewThread {
      body(number)
      done.signal()
    }
  }
  for _ in 0..<count { done.wait() }
}
