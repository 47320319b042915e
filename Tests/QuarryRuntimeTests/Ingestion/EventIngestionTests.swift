import QuarryCore
import QuarryRuntime
import QuarryWire
import Testing

@Suite struct EventIngestionTests {
  @Test func anEventBecomesOneRecordWithItsEnvelope() throws {
    let stream = try ExecutorStream(task: TaskLineage(taskID: "t1", epoch: 9))
    let payload = MessagePackValue.object([
      "item_type": "product", "data": .object(["n": .unsigned(.max), "b": .binary([1]), "f": .double(2)]),
    ])
    try stream.send(
      stream.event(
        "item", payload, changing: ["depth": .integer(2), "job_id": "j", "parent_run_id": "p", "x_new": "kept"]))
    let expected = try JSONParser.parse(
      """
      {"record_kind":"event","source":"s","category":"c","day":"2026-11-24","run_id":"run-1","event_type":"item",
       "task_id":"t1","epoch":9,"policy":"strict","contract_version":"\(Version.current)","event_id":"e1","seq":1,
       "ts":"2026-11-24T08:00:00.000Z","type":"item",
       "payload":{"item_type":"product","data":{"n":18446744073709551615,"b":"AQ==","f":2}},
       "job_id":"j","parent_run_id":"p","depth":2,"attempt":1,"x_new":"kept"}
      """)
    #expect(try stream.sink.records() == [expected])
    #expect(stream.sink.commits[0][0].components(of: "run_id") == 2)  // run_id and parent_run_id, each once
    #expect(stream.ingestion.figures.items == 1)
    #expect(stream.ingestion.figures.eventsPersisted == 1)
  }

  @Test func whatOneReadBringsIsOneCommit() throws {
    let stream = try ExecutorStream()
    try stream.send(stream.event(), stream.event("log"), stream.event("checkpoint"))
    try stream.send(stream.event())
    #expect(stream.sink.commits.map(\.count) == [3, 1])
    #expect(try stream.sink.records().compactMap { $0["seq"]?.integer } == [1, 2, 3, 4])
  }

  @Test func theTerminalEventIsRememberedAndTheFirstOneWins() throws {
    let stream = try ExecutorStream()
    let error = MessagePackValue.object(["error_type": "blocked", "message": "403", "stack": "at x"])
    try stream.send(stream.event("run_error", error), stream.event("run_complete", .object([:])), stream.event())
    #expect(
      stream.ingestion.terminal
        == .error(
          type: "blocked", message: "403", stack: "at x",
          payload: #"{"error_type":"blocked","message":"403","stack":"at x"}"#))
    #expect(stream.notes.count == 2)
    #expect(try stream.sink.records().compactMap { $0["type"]?.string }.sorted() == ["item", "run_error"])
    #expect(stream.ingestion.figures.eventsReceived == 3)
    #expect(stream.ingestion.figures.eventsPersisted == 2)
  }

  @Test func aSummaryIsKeptWhole() throws {
    let stream = try ExecutorStream()
    try stream.send(stream.event("run_complete", .object(["summary": .object(["pages": .integer(3)])])))
    #expect(stream.ingestion.terminal?.payload == #"{"summary":{"pages":3}}"#)
  }

  @Test func unknownTypesAreStored() throws {
    let stream = try ExecutorStream()
    try stream.send(stream.event("page_seen", .object([:])))
    #expect(try stream.sink.records().first?["event_type"] == "page_seen")
    let failure = stream.failure { try stream.send(stream.event("..", .object([:]))) }
    #expect(failure?.kind == .stream)
  }

  @Test func theFirstRunResultWins() throws {
    let stream = try ExecutorStream()
    func result(_ status: String) -> MessagePackValue {
      .object(["type": "run_result", "outcome": .object(["status": .string(status), "message": "m"])])
    }
    try stream.send(result("error"), result("completed"))
    #expect(stream.ingestion.runResult?.status == .error)
    #expect(stream.ingestion.runResult?.message == "m")
    #expect(stream.ingestion.figures.eventsReceived == 0)
  }

  @Test func aKeyThatTheRecordWritesItselfIsRefused() throws {
    let stream = try ExecutorStream()
    let failure = stream.failure { try stream.send(stream.event(changing: ["policy": "other"])) }
    #expect(failure?.kind == .stream)
    try stream.ingestion.finish()
    #expect(stream.sink.commits.isEmpty)
  }

  @Test func numbersThatJSONCannotSayAndLinesThatAreTooLongFailThePolicy() throws {
    let tooLong = MessagePackValue.object(["data": .string(String(repeating: "x", count: RecordBatch.lineLimit - 200))])
    for payload in [.object(["data": .double(.nan)]), tooLong] {
      let stream = try ExecutorStream()
      let failure = stream.failure { try stream.send(stream.event("item", payload)) }
      #expect(failure?.kind == .policy)
      #expect(failure?.outcome == .policyFailure)
    }
  }

  /// The longest line that is taken, to the byte.
  @Test func aLineStaysBelowTheLimit() throws {
    let probe = try ExecutorStream()
    try probe.send(probe.event("item", .object(["d": ""])))
    let overhead = probe.sink.commits[0][0].utf8.count + 1
    for (excess, isTaken) in [(0, true), (1, false)] {
      let stream = try ExecutorStream()
      let text = String(repeating: "x", count: RecordBatch.lineLimit - 1 - overhead + excess)
      let failure = stream.failure { try stream.send(stream.event("item", .object(["d": .string(text)]))) }
      #expect((failure == nil) == isTaken)
    }
  }
}

extension String {
  /// How often a text occurs.
  fileprivate func components(of text: String) -> Int {
    var count = 0
    var rest = self[...]
    while let range = rest.firstRange(of: text) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}
