import Foundation
import QuarryCore
import QuarryRuntime
import TestSupport
import Testing

/// What the shepherd does when the process that started it can do nothing any more.
@Suite struct ProcessParentTests {
  /// A parent that starts `sleep`, with a second one in a session of its own, under a shepherd, says "up", and then
  /// does `next` (`deadline(milliseconds)` sets one).
  private func parent(_ mark: String, next: String) throws -> RunningProcess {
    let command = "exec \"$0\" run -- sh -c 'setsid sleep \(mark) & echo; exec sleep \(mark)' 3<&20 4>&21 20<&- 21>&-"
    return try RunningProcess(
      "/usr/bin/env",
      [
        "python3", "-c",
        """
        import os, signal, struct, subprocess, sys, time
        reading, control = os.pipe()
        _, status = os.pipe()
        os.dup2(reading, 20); os.dup2(status, 21)
        command = sys.argv[1]
        child = subprocess.Popen(['/bin/bash', '-c', command, sys.argv[2]], pass_fds=(20, 21), stdout=subprocess.PIPE)
        for fd in (20, 21, reading): os.close(fd)
        child.stdout.readline()
        def deadline(milliseconds):
            now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            os.write(control, struct.pack('<Q', now + milliseconds * 1000000))
        print('up', flush=True)
        \(next)
        time.sleep(60)
        """,
        command, BuiltProducts.shepherd,
      ])
  }

  @Test func parentThatIsKilledTakesAllWithIt() async throws {
    let mark = ProcessTree.mark()
    let parent = try parent(mark, next: "")
    try await parent.waitForOutput("up")
    #expect(await ProcessTree.becomes { ProcessTree.count("sleep\0\(mark)") == 2 })
    parent.send(SIGKILL)
    #expect(await ProcessTree.isGone(mark))
    _ = try await parent.finish()
  }

  @Test func deadlineHoldsWhileTheParentIsStopped() async throws {
    let mark = ProcessTree.mark()
    let parent = try parent(mark, next: "deadline(300); os.kill(os.getpid(), signal.SIGSTOP)")
    try await parent.waitForOutput("up")
    // The parent has the mark on its command line too, as have the shepherd and all below it.
    #expect(await ProcessTree.becomes { ProcessTree.count(mark) == 1 })
    let state = try String(contentsOfFile: "/proc/\(parent.pid)/stat", encoding: .utf8)
    #expect(state.contains(") T "), "the parent is stopped: \(state)")
    parent.send(SIGKILL)
    _ = try await parent.finish()
  }
}
