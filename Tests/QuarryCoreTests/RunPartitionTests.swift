import QuarryCore
import Testing

@Suite struct RunPartitionTests {
  @Test(arguments: [
    ("shop", "shop"), ("a b", "a%20b"), ("a/b", "a%2Fb"), ("é", "%C3%A9"), ("a;b,c?", "a%3Bb%2Cc%3F"), ("%", "%25"),
    ("$&+:=@-_.~", "$&+:=@-_.~"), ("!'()*", "%21%27%28%29%2A"),
  ]) func escapesAsOnePathSegment(value: String, escaped: String) {
    #expect(RunPartition.escape(value) == escaped)
    #expect(RunPartition.unescape(Substring(escaped)) == value)
  }

  @Test(arguments: ["", ".", "..", "a\nb", "\u{7f}", "\u{85}"]) func refusesWhatCannotBeAPathSegment(value: String) {
    #expect(throws: QuarryError.self) { try RunPartition.validate(value, as: "source") }
  }

  @Test func onlyLedgersLieUnderTheReservedSource() throws {
    let error = #expect(throws: QuarryError.self) {
      try RunPartition(dataset: "quarry", source: "_fleet", category: "c", day: "2026-11-24", runID: "r")
    }
    #expect(error?.message.contains("ledgers") == true)
    #expect(throws: QuarryError.self) { try RunPartition.validateSource("_fleet") }
    try RunPartition.validateSource("_fleets")
    let ledger = try RunPartition(dataset: "quarry", ledgerOf: "f", day: "2026-11-24", jobID: "j")
    #expect(ledger.path == "source=_fleet/category=f/day=2026-11-24/run_id=j")
  }

  @Test func pathHasTheKeysInOrder() throws {
    let partition = try RunPartition(
      dataset: "quarry", source: "my shop", category: "default", day: "2026-11-24", runID: "r/1")
    #expect(partition.path == "source=my%20shop/category=default/day=2026-11-24/run_id=r%2F1")
    #expect(
      partition.fileKey("a.png")
        == "datasets/quarry/partitions/source=my%20shop/category=default/day=2026-11-24/run_id=r%2F1/files/a.png")
  }
}
