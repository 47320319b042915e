import QuarryCore
import Testing

@Suite struct RecordBatchTests {
  func makeBatch(task: TaskLineage? = nil) throws -> RecordBatch {
    let partition = try RunPartition(
      dataset: "quarry", source: "s", category: "c", day: "2026-11-24", runID: "r\"1")
    return RecordBatch(partition: partition, policy: "strict", task: task)
  }

  @Test func linesCarryThePartitionKeysAndTheCallersMembers() throws {
    var batch = try makeBatch(task: TaskLineage(taskID: "t", epoch: 7))
    batch.append(.event, eventType: "item") { JSONText.appendMember("seq", 1, to: &$0) }
    let line = String(decoding: try #require(batch.groups.first).lines, as: UTF8.self)
    #expect(
      line == #"{"record_kind":"event","source":"s","category":"c","day":"2026-11-24","run_id":"r\"1","#
        + #""event_type":"item","task_id":"t","epoch":7,"policy":"strict","seq":1}"# + "\n")
    #expect(try JSONParser.parse(line)["run_id"] == "r\"1")
    #expect(batch.byteCount == line.utf8.count)
    #expect(batch.overhead(.event, eventType: "item") == line.utf8.count - #","seq":1"#.utf8.count)
  }

  @Test func anEndThatIsThereAlreadyMakesTheSameLine() throws {
    var batch = try makeBatch()
    batch.append(.event, eventType: "item") { JSONText.appendMember("seq", 1, to: &$0) }
    var other = try makeBatch()
    let end = Array(#","seq":1"#.utf8) + RecordBatch.closing
    let isTaken = end.withUnsafeBytes { other.append(.event, eventType: "item", end: $0) }
    #expect(isTaken)
    #expect(other.groups.map(\.lines) == batch.groups.map(\.lines))
    #expect(other.byteCount == batch.byteCount && other.eventCount == 1)
    let room = RecordBatch.lineLimit - batch.overhead(.event, eventType: "item")
    for (count, fits) in [(room, false), (room - 1, true)] {
      let end = [UInt8](repeating: 0x20, count: count) + RecordBatch.closing
      var another = other
      #expect(end.withUnsafeBytes { another.append(.event, eventType: "item", end: $0) } == fits)
      #expect(another.recordCount == (fits ? 2 : 1))
    }
    #expect(other.byteCount == batch.byteCount && other.recordCount == 1)
  }

  @Test func aFailedAppendLeavesNothingBehind() throws {
    struct Stop: Error {}
    var batch = try makeBatch()
    #expect(throws: Stop.self) {
      try batch.append(.event, eventType: "item") { (_: inout [UInt8]) throws(Stop) in throw Stop() }
    }
    #expect(batch.isEmpty)
    #expect(batch.groups.isEmpty)
  }

  @Test func countsEventsAndKeepsSomeTypes() throws {
    var batch = try makeBatch()
    batch.append(.event, eventType: "item") { _ in }
    batch.append(.metrics, eventType: "metrics") { _ in }
    batch.append(.artifactChunk, eventType: "artifact") { _ in }
    batch.append(.artifactEvent, eventType: "artifact") { _ in }
    #expect(batch.eventCount == 2)
    let removed = batch.removeLast()
    let line = try #require(removed)
    #expect(batch.eventCount == 1)
    batch.append(line)
    #expect(batch.eventCount == 2)
    let kept = batch.keeping(eventTypes: ["artifact", "metrics"])
    #expect(kept.groups.map(\.eventType) == ["metrics", "artifact"])
    #expect(kept.recordCount == 3 && kept.eventCount == 1)
    #expect(kept.byteCount == kept.groups.reduce(0) { $0 + $1.lines.count })
    batch.removeAll()
    #expect(batch.eventCount == 0)
  }

  @Test func knowsWhetherItHoldsChunksAlone() throws {
    var batch = try makeBatch()
    batch.append(.artifactChunk, eventType: "artifact") { _ in }
    #expect(batch.chunksOnly)
    batch.append(.artifactEvent, eventType: "artifact") { _ in }
    #expect(!batch.chunksOnly)
    #expect(batch.groups.count == 1)
    #expect(batch.recordCount == 2)
  }

  @Test func theLastLineCanBeTakenBackAndPutElsewhere() throws {
    var batch = try makeBatch()
    batch.append(.artifactChunk, eventType: "artifact") { _ in }
    let before = batch
    batch.append(.artifactEvent, eventType: "artifact") { JSONText.appendMember("seq", 1, to: &$0) }
    let lines = batch.groups[0].lines
    let removed = batch.removeLast()
    let line = try #require(removed)
    let second = batch.removeLast()
    #expect(second == nil)
    #expect(batch.groups[0].lines == before.groups[0].lines)
    #expect(batch.chunksOnly)
    #expect(batch.recordCount == 1)
    #expect(batch.byteCount == before.byteCount)
    batch.append(line)
    #expect(batch.groups[0].lines == lines)
    #expect(!batch.chunksOnly)
    #expect(batch.recordCount == 2)
  }

  @Test func aBatchThatIsEmptiedHasNoLastLine() throws {
    var batch = try makeBatch()
    batch.append(.event, eventType: "item") { _ in }
    batch.removeAll()
    let last = batch.removeLast()
    #expect(last == nil)
  }
}
