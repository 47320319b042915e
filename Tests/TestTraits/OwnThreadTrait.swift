import QuarryCore
import Testing

/// Tests that stand still while they wait for a server or a process run on threads of their own. There are only as many
/// threads as cores for all others: held by waiting tests, they would resume nobody whose time is running out.
package struct OwnThreadTrait: TestTrait, SuiteTrait, TestScoping {
  package var isRecursive: Bool { true }

  package func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(NewThreads()) { try await function() }
  }
}

extension Trait where Self == OwnThreadTrait {
  package static var ownThread: Self { Self() }
}

/// Each step of a task gets a new thread.
private final class NewThreads: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    OwnThread.start { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
