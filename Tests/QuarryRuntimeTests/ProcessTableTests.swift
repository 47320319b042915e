import Glibc
import QuarryRuntime
import TestSupport
import Testing

@Suite struct ProcessTableTests {
  /// A process with a child that has one too.
  private func family() async throws -> RunningProcess {
    let parent = try RunningProcess(
      "/bin/sh", ["-c", "sh -c 'sleep 60 & echo up; wait' & wait"])
    try await parent.waitForOutput("up")
    return parent
  }

  @Test func childrenOfOneProcessAreThoseOfTheTable() async throws {
    let parent = try await family()
    let children = try #require(ProcessTable.childrenNow(of: parent.pid))
    #expect(children.count == 1 && children == ProcessTable.read().children(of: parent.pid))
    let grandchildren = try #require(ProcessTable.childrenNow(of: children[0]))
    #expect(grandchildren.count == 1 && ProcessTable.childrenNow(of: grandchildren[0]) == [])
    #expect(ProcessTable.hasDescendants(parent.pid, below: getpid()))
    for pid in grandchildren + children + [parent.pid] { kill(pid, SIGKILL) }
    _ = try await parent.finish()
    #expect(ProcessTable.childrenNow(of: parent.pid) == nil)
  }
}
