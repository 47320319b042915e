import QuarryCore
import QuarryFleet
import Testing

@Suite struct SubmissionLineTests {
  private var gentle: Politeness {
    var politeness = Politeness()
    politeness.hostConcurrency = 2
    politeness.hostDelay = .milliseconds(1_500)
    politeness.hostMaxPages = 30
    politeness.autoThrottle = true
    politeness.jobConcurrency = 4
    return politeness
  }

  private func line(_ politeness: Politeness) throws -> SubmissionLine {
    var members = politeness.submissionMembers
    members["script"] = "a.ts"
    return try SubmissionLine(parsing: JSONValue.object(members).canonicalText)
  }

  @Test func politenessIsReadAsItIsWritten() throws {
    #expect(try line(gentle).politeness == gentle)
    #expect(try line(Politeness()).politeness == Politeness())
  }

  @Test func whatAJobDoesNotSayIsAsItsCoordinatorHasIt() {
    var job = Politeness()
    job.hostDelay = .seconds(9)
    var expected = gentle
    expected.hostDelay = .seconds(9)
    #expect(job.filled(from: gentle) == expected)
    #expect(gentle.filled(from: job) == gentle)
  }
}
