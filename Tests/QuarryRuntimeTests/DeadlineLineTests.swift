import Glibc
import QuarryRuntime
import Testing

/// What a shepherd reads on the pipe that says when it must kill.
@Suite struct DeadlineLineTests {
  private struct NoPipe: Error {}

  /// Both ends of a pipe whose reads do not wait.
  private func makePipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0, fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 else { throw NoPipe() }
    return (ends[0], ends[1])
  }

  /// All bytes that are there; nil at the end of the pipe.
  private func bytes(_ reading: Int32) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = read(reading, &buffer, buffer.count)
    if count == 0 { return nil }
    return Array(buffer.prefix(max(0, count)))
  }

  @Test func eachMoveIsEightBytesTheLowestFirst() throws {
    let ends = try makePipe()
    defer { close(ends.reading) }
    let line = DeadlineLine(Descriptor(owning: ends.writing))
    line.move(to: 0x0102_0304_0506_0708)
    #expect(bytes(ends.reading) == [8, 7, 6, 5, 4, 3, 2, 1])
    line.move(to: 1)
    line.move(to: nil)
    #expect(bytes(ends.reading) == [1, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0], "never is zero")
  }

  /// What has the pipe's number next gets nothing of it.
  @Test func itsEndIsTheOrderToKillAndNothingFollows() throws {
    let ends = try makePipe()
    defer { close(ends.reading) }
    let line = DeadlineLine(Descriptor(owning: ends.writing))
    line.close()
    #expect(bytes(ends.reading) == nil)
    let next = try makePipe()
    defer {
      close(next.reading)
      close(next.writing)
    }
    line.move(to: 1)
    line.close()
    #expect(bytes(next.reading) == [])
  }
}
