import QuarryCore
import QuarryLode
import Synchronization
import TestSupport
import Testing

@Suite struct LedgerTests {
  @Test func recordsComeBackInTheOrderOfTheChain() throws {
    let root = TemporaryDirectory()
    for round in 0..<4 {
      let ledger = LodeDataset(root: root.path, durability: .none).ledger
      try ledger.append(
        [#"{"kind":"accepted","n":\#(round * 2)}"#, "{\n \"n\": \(round * 2 + 1) }"], fleet: "f/1", jobID: "job 1")
      try ledger.append([#"{"n":99}"#], fleet: "f/1", jobID: "job 2")
    }
    let ledger = LodeDataset(root: root.path).ledger
    let lines = try ledger.records(fleet: "f/1", jobID: "job 1")
    #expect(lines.compactMap { (try? JSONParser.parse($0))?["n"]?.integer } == Array(0..<8))
    let day = Timestamp.now().day
    #expect(
      lines[0] == #"{"record_kind":"fleet","source":"_fleet","category":"f/1","day":"\#(day)","run_id":"job 1","#
        + #""event_type":"fleet","kind":"accepted","n":0}"#)
    #expect(try ledger.records(fleet: "other", jobID: "job 1") == [])
    let reader = LodeReader(root: root.path)
    #expect(try reader.ledgerJobs().map(\.jobID) == ["job 2", "job 1"])
    #expect(try reader.runs().rows == [])
    #expect(try faults(reader) == [])
  }

  @Test func recordsOfAJobStayWithItsFirstDay() throws {
    let root = TemporaryDirectory()
    let dataset = LodeDataset(root: root.path)
    let partition = try RunPartition(dataset: "quarry", ledgerOf: "f", day: "2020-01-01", jobID: "job")
    var batch = RecordBatch(partition: partition, policy: nil)
    batch.append(.fleet, eventType: "fleet") { JSONText.appendMember("n", 0, to: &$0) }
    try dataset.sink(for: partition).write(batch)
    try dataset.ledger.append([#"{"n":1}"#], fleet: "f", jobID: "job")
    #expect(try dataset.ledger.records(fleet: "f", jobID: "job").count == 2)
    #expect(try LodeReader(root: root.path).ledgerJobs().map(\.day) == ["2020-01-01"])
  }

  /// Who asks for a job's result names no fleet.
  @Test func aJobOfAnotherFleetIsNotMixedWithIt() throws {
    let root = TemporaryDirectory()
    let ledger = LodeDataset(root: root.path, durability: .none).ledger
    try ledger.append([#"{"kind":"job"}"#], fleet: "f", jobID: "j")
    let error = #expect(throws: QuarryError.self) {
      try ledger.append([#"{"kind":"job"}"#], fleet: "g", jobID: "j")
    }
    #expect(error?.message == "job 'j' is in this dataset already, as one of fleet 'f'")
    try ledger.append([#"{"kind":"job"}"#], fleet: "g", jobID: "k")
    try ledger.append([#"{"kind":"accepted"}"#], fleet: "f", jobID: "j")
    #expect(try ledger.records(fleet: "f", jobID: "j").count == 2)
  }

  @Test func theFirstAcceptedRunOfATaskCounts() throws {
    let root = TemporaryDirectory()
    let ledger = LodeDataset(root: root.path, durability: .none).ledger
    func accepted(_ task: String, _ run: String) -> String {
      #"{"kind":"accepted","task_id":"\#(task)","accepted_run_id":"\#(run)","epoch":5,"children":[{"task_id":"no"}]}"#
    }
    try ledger.append([#"{"kind":"job"}"#, accepted("t1", "r1")], fleet: "f", jobID: "j")
    try ledger.append(
      [accepted("t1", "r2"), accepted("t2", "r3"), #"{"kind":"dead","task_id":"t3"}"#], fleet: "f", jobID: "j")
    #expect(
      try LodeReader(root: root.path).acceptedRuns(jobID: "j") == [
        AcceptedRun(taskID: "t1", runID: "r1", epoch: 5), AcceptedRun(taskID: "t2", runID: "r3", epoch: 5),
      ])
  }

  @Test func writersOfOneJobDoNotLoseRecords() throws {
    let root = TemporaryDirectory()
    let path = root.path
    let shared = LodeDataset(root: path, durability: .none)
    let errors = Mutex<[String]>([])
    onThreads(12) { index in
      do {
        let dataset = index % 2 == 0 ? shared : LodeDataset(root: path, durability: .none)
        for round in 0..<5 { try dataset.ledger.append(["{\"n\":\(index * 5 + round)}"], fleet: "f", jobID: "j") }
      } catch { errors.withLock { $0.append("\(error)") } }
    }
    #expect(errors.withLock { $0 } == [])
    let numbers = try shared.ledger.records(fleet: "f", jobID: "j").compactMap { line in
      (try? JSONParser.parse(line))?["n"]?.integer
    }
    #expect(numbers.sorted() == Array(0..<60))
    for index in 0..<12 {
      let own = numbers.filter { $0 / 5 == index }
      #expect(own == own.sorted())
    }
  }

  @Test(arguments: ["", "[1]", "{", #"{"source":"x"}"#, #"{"run_id":"x"}"#])
  func aRecordThatCannotBeStoredIsRefused(_ record: String) throws {
    let root = TemporaryDirectory()
    #expect(throws: QuarryError.self) {
      try LodeDataset(root: root.path).ledger.append([record], fleet: "f", jobID: "j")
    }
    #expect(tree(root.path) == [])
  }
}
