import Foundation
import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import TestTraits
import Testing

/// Writers that wait for another process' lock.
@Suite(.ownThread) struct LockTests {
  private let root = TemporaryDirectory()
  private var lock: String { "\(root.path)/datasets/quarry/latest.lock" }

  /// Another process that holds the lock until it is killed.
  private func hold() async throws -> RunningProcess {
    let holder = try RunningProcess("/usr/bin/flock", [lock, "/bin/sh", "-c", "echo held; exec sleep 600"])
    try await holder.waitForOutput("held")
    return holder
  }

  private func dataset(_ deadline: Duration = .seconds(60)) -> LodeDataset {
    LodeDataset(root: root.path, deadline: deadline)
  }

  @Test func whoLooksOnHearsWhatACommitWaitsFor() async throws {
    let said = Mutex<[String]>([])
    let (heard, hear) = AsyncStream.makeStream(of: Void.self)
    let store = DiskStore(
      root: root.path,
      onWait: { text in
        said.withLock { $0.append(text) }
        hear.yield()
      })
    let run = try Run(LodeDataset(store), id: "r")
    try run.sink.write(run.items(0..<1))
    let holder = try await hold()
    async let written = OwnThread.run { Result { try run.sink.write(run.items(1..<2)) } }
    for await _ in heard { break }
    holder.sendToGroup(SIGKILL)
    try await written.get()
    let notes = said.withLock { $0 }
    #expect(
      notes == ["waiting to commit to \(root.path)/datasets/quarry: \(lock) is locked by process \(holder.pid) (flock)"]
    )
  }

  @Test func whatIsNoFileIsNoLock() throws {
    try put("", at: lock)
    try FileManager.default.removeItem(atPath: lock)
    #expect(mkfifo(lock, 0o600) == 0)
    let run = try Run(dataset(), id: "r")
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<1)) }
    #expect(error?.message == "cannot open \(lock): it is no regular file")
    #expect(error?.remedy == "move away what lies there in the place of a file")
  }

  @Test(arguments: [".quarry", "segments"]) func whatIsNoFolderIsNamed(_ name: String) throws {
    let place = "\(root.path)/datasets/quarry/\(name)"
    try put("mine", at: place)
    let error = #expect(throws: QuarryError.self) {
      _ = try dataset().claim(runID: "r")
      let run = try Run(dataset(), id: "r")
      try run.sink.write(run.items(0..<1))
    }
    #expect(error?.remedy == "move \(place) away, which is no folder")
    #expect(text(place) == "mine")
  }

  @Test func oneThatStaysTakenEndsAtTheDeadlineAndNamesItsHolder() async throws {
    let run = try Run(dataset(.milliseconds(50)), id: "r")
    try run.sink.write(run.items(0..<1))
    let before = tree(root.path)
    let holder = try await hold()
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(1..<2)) }
    #expect(
      error?.message
        == "cannot commit to \(root.path)/datasets/quarry: \(lock) stayed locked for 0.05 s by process \(holder.pid) (flock)"
    )
    #expect(
      error?.remedy == "wait for it, or end it: kill -KILL \(holder.pid) (what it has acknowledged stays)")
    #expect(tree(root.path) == before)
    // Again, with the first wait still going on.
    #expect(throws: QuarryError.self) { try run.sink.write(run.items(1..<2)) }
    holder.sendToGroup(SIGKILL)
    _ = try await holder.finish()
    try run.sink.write(run.items(1..<2))
    #expect(try sequence(LodeReader(root: root.path), "r") == [0, 1])
  }

  /// Its last records and its metrics do not take as long again: here they take longer, since they can be seen to wait then.
  @Test(.timeLimit(.minutes(1))) func aRunThatHasWaitedInVainHasAnotherPatience() async throws {
    let first = try Run(dataset(), id: "first")
    try first.sink.write(first.items(0..<1))
    let run = try Run(
      LodeDataset(root: root.path, deadline: .milliseconds(1), patience: .seconds(600)), id: "r")
    let holder = try await hold()
    #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<1)) }
    async let written = OwnThread.run { Result { try run.sink.write(run.items(0..<1)) } }
    holder.sendToGroup(SIGKILL)
    _ = try await holder.finish()
    try await written.get()
    // Then all is as before.
    let again = try await hold()
    #expect(throws: QuarryError.self) { try run.sink.write(run.items(1..<2)) }
    again.sendToGroup(SIGKILL)
    _ = try await again.finish()
    #expect(try sequence(LodeReader(root: root.path), "r") == [0])
  }

  @Test func aStoppedHolderIsCalledSo() async throws {
    let run = try Run(dataset(.milliseconds(50)), id: "r")
    try run.sink.write(run.items(0..<1))
    let holder = try await hold()
    holder.send(SIGSTOP)
    var status: Int32 = 0
    #expect(waitpid(holder.pid, &status, WUNTRACED) == holder.pid)
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(1..<2)) }
    #expect(error?.message.hasSuffix("by process \(holder.pid) (flock), which is stopped") == true)
    #expect(error?.remedy?.hasPrefix("let it go on: kill -CONT \(holder.pid), or end it: kill -KILL") == true)
    holder.sendToGroup(SIGKILL)
    _ = try await holder.finish()
  }

  /// A wait that was given up goes on behind; it must not keep the lock from others when its turn comes.
  @Test(.timeLimit(.minutes(1))) func aWaitThatWasGivenUpBlocksNobody() async throws {
    let first = try Run(dataset(.milliseconds(20)), id: "r")
    try first.sink.write(first.items(0..<1))
    let holder = try await hold()
    #expect(throws: QuarryError.self) { try first.sink.write(first.items(1..<2)) }
    holder.sendToGroup(SIGKILL)
    _ = try await holder.finish()
    let second = try Run(dataset(), id: "s")
    for index in 0..<5 { try second.sink.write(second.items(index..<index + 1)) }
    try first.sink.write(first.items(1..<2))
    #expect(try sequence(LodeReader(root: root.path), "r") == [0, 1])
    #expect(try faults(LodeReader(root: root.path)) == [])
  }
}
