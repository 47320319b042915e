import Testing

/// The simulation notices mistakes: each of these is seen within a bounded number of seeds.
@Suite(.timeLimit(.minutes(60))) struct MutantTests {
  private static let seeds: UInt64 = 240

  @Test(arguments: Array(Mutant.all.enumerated()).shares(4).map(MutantShare.init))
  func eachMistakeIsSeen(_ share: MutantShare) async throws {
    let bench = try await SimulationBench()
    for mutant in share.mutants {
      let scripts = try Mutant.scripts(with: mutant)
      var found: String?
      for place in 0..<Self.seeds where found == nil {
        found = try await bench.run((mutant.seed - 1 + place) % Self.seeds + 1, steps: 500, scripts)
      }
      if found == nil { Issue.record("nobody sees this in \(Self.seeds) seeds: \(mutant.name)") }
    }
  }

  @Test func aMistakeThatFitsNoScriptAnyMoreIsRefused() {
    #expect(throws: Mutant.Unfit.self) { try Mutant.scripts(with: Mutant(name: "old", from: "no such line", to: "")) }
    #expect(throws: Mutant.Unfit.self) { try Mutant.scripts(with: Mutant(name: "vague", from: "local", to: "")) }
  }
}

/// Mutants that go one after the other on one server.
struct MutantShare: CustomTestStringConvertible {
  let mutants: [Mutant]

  init(_ share: [(offset: Int, element: Mutant)]) { mutants = share.map(\.element) }

  var testDescription: String { "\(mutants.count) from \(mutants.first?.name ?? "")" }
}

extension Array {
  /// Dealt out like cards.
  func shares(_ count: Int) -> [[Element]] {
    (0..<count).map { share in indices.filter { $0 % count == share }.map { self[$0] } }.filter { !$0.isEmpty }
  }
}
