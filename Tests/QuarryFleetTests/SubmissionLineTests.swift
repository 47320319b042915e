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

  @Test(arguments: [
    (#""key":"""#, "'key' is empty"), (#""key":"k","job_id":"j""#, "'key' and 'job_id' are both given"),
    (#""host_delay_ms":86400001"#, "'host_delay_ms' is not a whole number from 1 to 86400000"),
    (#""host_delay_ms":0"#, "'host_delay_ms' is not a whole number from 1 to 86400000"),
  ])
  func whatCannotBeIsRefused(_ member: String, _ reason: String) {
    let error = #expect(throws: QuarryError.self) { try SubmissionLine(parsing: ##"{"script":"a.ts",\##(member)}"##) }
    #expect(error?.message == reason)
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
