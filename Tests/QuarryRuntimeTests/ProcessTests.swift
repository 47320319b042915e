import Foundation
import QuarryCore
import QuarryRuntime
import TestSupport
import Testing

// One at a time: each blocks the thread that it runs on.
@Suite(.serialized) struct ProcessTests {
  @Test(arguments: [("exit 3", ProcessEnd.exited(3)), ("kill -9 $$", .signalled(9)), ("exit 0", .exited(0))])
  func endIsToldAsItWas(_ script: String, _ end: ProcessEnd) throws {
    #expect(try ProcessTree.shell(script).waitForEnd() == end)
  }

  @Test func programThatIsMissingIsToldByErrno() throws {
    let process = try ShepherdedProcess(
      .init(path: "/nonexistent", environment: [:]), shepherd: ProcessTree.shepherd)
    #expect(process.waitForEnd() == .failedToStart(ENOENT))
  }

  @Test func missingShepherdSaysWhatToDo() throws {
    #expect {
      try ShepherdedProcess(.init(path: "/bin/true", environment: [:]), shepherd: Shepherd(path: "/nonexistent"))
    } throws: {
      ($0 as? QuarryError)?.message.contains("/nonexistent") == true
    }
    #expect(throws: QuarryError.self) { try Shepherd.locate(environment: ["QUARRY_SHEPHERD": "/nonexistent"]) }
    #expect(try Shepherd.locate(environment: [:]).path.hasSuffix("/quarry-shepherd"))
  }

  @Test func commandGetsItsOwnSessionNoStrayDescriptorAndNoBlockedSignal() throws {
    let stray = open("/dev/null", O_RDONLY)  // without O_CLOEXEC, as a careless library would
    defer { close(stray) }
    let process = try ProcessTree.shell(
      "ls /proc/self/fd | wc -l; grep -c 'SigBlk:.*0$' /proc/self/status; ps -o sid= $$ | grep -c $$")
    #expect(process.waitForEnd() == .exited(0))
    // Three, and the one that `ls` has open on the folder.
    #expect(process.readOutput(6) == "4\n1\n1\n")
  }

  @Test func grandchildThatHoldsOutputInASessionOfItsOwnEndsWithTheCommand() async throws {
    let mark = ProcessTree.mark()
    let process = try ProcessTree.shell(
      "setsid sleep \(mark) & setsid bash -c 'sleep \(mark) & sleep \(mark)' & echo up")
    #expect(process.readOutput(3) == "up\n")
    #expect(process.waitForEnd() == .exited(0))
    #expect(ProcessTree.count("sleep\0\(mark)") == 0)
    #expect(process.readOutput(1) == "", "nobody holds the other end")
  }

  @Test func closedControlKillsAll() async throws {
    let mark = ProcessTree.mark()
    let process = try ProcessTree.shell("trap '' TERM; setsid sleep \(mark) & echo up; sleep \(mark)")
    #expect(process.readOutput(3) == "up\n")
    process.killTree()
    #expect(process.waitForEnd() == .signalled(9))
    #expect(ProcessTree.count("sleep\0\(mark)") == 0)
  }

  @Test(arguments: [false, true]) func shepherdThatWasStoppedStillObeys(isAsked: Bool) throws {
    let mark = ProcessTree.mark()
    let process = try ProcessTree.shell("setsid sleep \(mark) & kill -STOP $PPID; echo up; exec sleep \(mark)")
    #expect(process.readOutput(3) == "up\n")
    if isAsked { process.terminate() } else { process.killTree() }
    #expect(process.waitForEnd() == .signalled(isAsked ? SIGTERM : SIGKILL))
    #expect(ProcessTree.count("sleep\0\(mark)") == 0)
  }

  @Test func terminationIsAskedForFirst() throws {
    let process = try ProcessTree.shell("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done")
    #expect(process.readOutput(3) == "up\n")
    process.terminate()
    #expect(process.waitForEnd() == .exited(7))
    #expect(process.readOutput(4) == "bye\n")
  }

  @Test func terminationThatIsIgnoredIsFollowedByAKill() throws {
    let process = try ProcessTree.shell("trap '' TERM; echo up; while :; do sleep 0.01; done")
    #expect(process.readOutput(3) == "up\n")
    let start = ContinuousClock.now
    process.terminate()
    #expect(process.waitForEnd() == .signalled(9))
    #expect(ContinuousClock.now - start < .seconds(4))
  }

  @Test func deadlineKillsAndCanBePushedForward() throws {
    let early = try ProcessTree.shell("sleep 60", deadline: BootClock.after(.milliseconds(30)))
    #expect(early.waitForEnd() == .deadline)
    let moved = try ProcessTree.shell("echo up; read line; exit 4", deadline: BootClock.after(.milliseconds(200)))
    #expect(moved.readOutput(3) == "up\n")
    moved.deadlines.move(to: nil)
    let late = try ProcessTree.shell("sleep 60", deadline: BootClock.after(.milliseconds(250)))
    #expect(late.waitForEnd() == .deadline, "the clock has gone past the deadline that was taken back")
    moved.closeInput()
    #expect(moved.waitForEnd() == .exited(4))
  }

  /// Each process leaves three behind in sessions of their own and waits for none, four generations long: 121 processes.
  @Test func treeThatGrowsWhileItIsKilledIsEnded() async throws {
    let mark = ProcessTree.mark()
    let grow =
      "if [ $1 -gt 0 ]; then for i in 1 2 3; do setsid bash -c \"$0\" \"$0\" $(($1 - 1)) & done; else exec sleep \(mark); fi"
    let process = try ProcessTree.shell(
      "export G='\(grow)'; setsid bash -c \"$G\" \"$G\" 4 & echo up; wait; sleep \(mark)")
    #expect(process.readOutput(3) == "up\n")
    #expect(await ProcessTree.becomes { ProcessTree.count("sleep\0\(mark)") > 20 })
    process.killTree()
    _ = process.waitForEnd()
    #expect(ProcessTree.count(mark) == 0)
  }

  @Test func lettingGoEndsAll() async throws {
    let mark = ProcessTree.mark()
    do {
      let process = try ProcessTree.shell("echo up; sleep \(mark)")
      #expect(process.readOutput(3) == "up\n")
    }
    #expect(ProcessTree.count("sleep\0\(mark)") == 0)
  }

  @Test func killedShepherdTakesTheCommandWithIt() async throws {
    let mark = ProcessTree.mark()
    let process = try ProcessTree.shell("echo $PPID; exec sleep \(mark)")
    let shepherd = try #require(pid_t(process.readOutput(20, line: true).trimmingCharacters(in: .newlines)))
    kill(shepherd, SIGKILL)
    #expect(process.waitForEnd() == .unknown)
    #expect(await ProcessTree.isGone("sleep\0\(mark)"))
  }
}
