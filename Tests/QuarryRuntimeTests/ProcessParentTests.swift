import Foundation
import QuarryCore
import QuarryRuntime
import TestSupport
import Testing

/// What the shepherd does when the process that started it can do nothing any more.
@Suite struct ProcessParentTests {
  /// A parent that starts `sleep`, with a second one in a session of its own, under a shepherd whose deadline is
  /// `milliseconds` away, and then sleeps itself.
  private func parent(_ mark: String, milliseconds: Int) throws -> RunningProcess {
    try RunningProcess(
      "/usr/bin/env",
      [
        "python3", "-c",
        """
        import os, struct, subprocess, sys, time
        control = os.pipe()[::-1]
        status = os.pipe()
        for fd, target in ((control[1], 20), (status[1], 21)): os.dup2(fd, target, inheritable=True)
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        os.write(control[0], struct.pack('<Q', now + \(milliseconds) * 1000000))
        subprocess.Popen(['/bin/bash', '-c', 'exec "$0" run -- sh -c "setsid sleep \(mark) & exec sleep \(mark)" 3<&20 4>&21 20<&- 21>&-',
                          '\(BuiltProducts.shepherd)'], pass_fds=(20, 21))
        os.close(20); os.close(21); os.close(control[1])
        time.sleep(60)
        """,
      ])
  }

  @Test func parentThatIsKilledTakesAllWithIt() async throws {
    let mark = ProcessTree.mark()
    let parent = try parent(mark, milliseconds: 60_000)
    #expect(await ProcessTree.becomes { ProcessTree.count("sleep\0\(mark)") == 2 })
    parent.send(SIGKILL)
    #expect(await ProcessTree.isGone(mark))
    _ = try await parent.finish()
  }

  @Test func deadlineHoldsWhileTheParentIsStopped() async throws {
    let mark = ProcessTree.mark()
    let parent = try parent(mark, milliseconds: 1_500)
    #expect(await ProcessTree.becomes { ProcessTree.count("sleep\0\(mark)") == 2 })
    parent.send(SIGSTOP)
    #expect(await ProcessTree.becomes { ProcessTree.count("sleep\0\(mark)") == 0 })
    parent.send(SIGKILL)
    _ = try await parent.finish()
  }
}
