import QuarryCore
import QuarryRuntime
import QuarryWire
import Testing

@Suite struct ArtifactTests {
  @Test(arguments: [MessagePackValue.integer(6), .double(6)])
  func chunksPrecedeTheirCommit(size: MessagePackValue) throws {
    let stream = try ExecutorStream()
    try stream.send(
      ExecutorStream.chunk("a", 1, last: false, [0, 1, 2, 3]), ExecutorStream.chunk("a", 2, last: true, [4, 5]),
      stream.artifact("a", size: size))
    let records = try stream.sink.records()
    #expect(records.compactMap { $0["record_kind"]?.string } == ["artifact_chunk", "artifact_chunk", "artifact_event"])
    #expect(records.allSatisfy { $0["event_type"] == "artifact" })
    #expect(records.map { $0["seq"]?.integer } == [1, 2, 1])
    #expect(records[0]["data"] == "AAECAw==")
    #expect(records[1]["offset"] == 4)
    #expect(records[1]["length"] == 2)
    #expect(records[1]["is_last"] == true)
    #expect(records[2]["size_bytes"] == 6)
    #expect(records[2]["name"] == "n")
    #expect(records[2]["type"] == nil)
    #expect(records[2]["payload"] == nil)
    let figures = stream.ingestion.figures.artifacts
    #expect(
      [figures.total, figures.committed, figures.chunks, Int(figures.bytes), figures.orphaned] == [1, 1, 2, 6, 0])
  }

  @Test func anEmptyArtifactIsOneEmptyChunk() throws {
    let stream = try ExecutorStream()
    try stream.send(ExecutorStream.chunk("a", 1, last: true, []), stream.artifact("a", size: .integer(0)))
    #expect(try stream.sink.records()[0]["data"] == "")
  }

  @Test func aLargeChunkBecomesSeveralRecords() throws {
    let stream = try ExecutorStream()
    let large = [UInt8](repeating: 7, count: 8 << 20)
    try stream.send(
      ExecutorStream.chunk("a", 1, last: false, large), ExecutorStream.chunk("a", 2, last: true, [1]),
      stream.artifact("a", size: .integer(Int64(large.count + 1))))
    let lines = stream.sink.commits.flatMap(\.self)
    #expect(lines.allSatisfy { $0.utf8.count + 1 < RecordBatch.lineLimit })
    let chunks = try stream.sink.records().filter { $0["record_kind"] == "artifact_chunk" }
    #expect(chunks.map { $0["seq"]?.integer } == [1, 2, 3])
    #expect(chunks.map { $0["offset"]?.integer } == [0, 4 << 20, 8 << 20])
    #expect(chunks.map { $0["is_last"]?.bool } == [false, false, true])
  }

  @Test func chunksWithoutACommitAreOrphans() throws {
    let stream = try ExecutorStream()
    try stream.send(ExecutorStream.chunk("a", 1, last: true, [1]), ExecutorStream.chunk("b", 1, last: false, [1]))
    #expect(stream.ingestion.figures.artifacts.orphaned == 2)
  }

  @Test(arguments: ["strict", "buffered buffer-events=100", "streaming flush-count=1"])
  func committedIsWhatStorageHas(policy: String) throws {
    let stream = try ExecutorStream(policy: PolicyConfiguration(text: policy))
    stream.sink.failNext(1_000)
    _ = stream.failure {
      try stream.send(ExecutorStream.chunk("a", 1, last: true, [1]), stream.artifact("a", size: .integer(1)))
    }
    #expect(stream.ingestion.figures.artifacts.committed == 0)
    #expect(stream.ingestion.figures.artifacts.orphaned == 1)
    stream.sink.failNext(0)
    try stream.ingestion.finish()
    #expect(stream.ingestion.figures.artifacts.committed == 1)
    #expect(stream.ingestion.figures.artifacts.orphaned == 0)
  }

  @Test func whatDoesNotAddUpIsAStreamError() throws {
    typealias Script = (ExecutorStream) -> [MessagePackValue]
    let cases: [(String, Script)] = [
      ("has 1 bytes", { [ExecutorStream.chunk("a", 1, last: true, [1]), $0.artifact("a", size: .integer(2))] }),
      ("before its last", { [ExecutorStream.chunk("a", 1, last: false, [1]), $0.artifact("a", size: .integer(1))] }),
      (
        "follows its last",
        { _ in [ExecutorStream.chunk("a", 1, last: true, [1]), ExecutorStream.chunk("a", 2, last: true, [1])] }
      ),
      (
        "chunk 3 of",
        { _ in [ExecutorStream.chunk("a", 1, last: false, [1]), ExecutorStream.chunk("a", 3, last: true, [1])] }
      ),
      ("larger than the limit", { _ in [ExecutorStream.chunk("a", 1, last: true, [UInt8](repeating: 0, count: 11))] }),
      (
        "committed twice",
        {
          [
            ExecutorStream.chunk("a", 1, last: true, [1]), $0.artifact("a", size: .integer(1)),
            $0.artifact("a", size: .integer(1)),
          ]
        }
      ),
    ]
    for (words, script) in cases {
      let stream = try ExecutorStream(artifactLimit: 10)
      let frames = script(stream)
      let failure = stream.failure { try stream.send(bytes: frames.flatMap(\.frame)) }
      #expect(failure?.kind == .stream)
      #expect(failure?.message.contains(words) == true, "\(failure?.message ?? words)")
    }
  }
}
