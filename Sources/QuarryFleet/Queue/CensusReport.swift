/// What a census found.
package struct CensusReport: Sendable, Equatable {
  package struct Job: Sendable, Equatable {
    package var jobID: String
    /// Tasks in each state as the job's lists have them, and as the tasks themselves say.
    package var listed: [TaskState: Int]
    package var told: [TaskState: Int]
  }
  /// What is kept of the problems; the others are counted.
  static let most = 1_000

  package var jobs: [Job] = []
  package var tasks = 0
  /// One line each.
  package private(set) var problems: [String] = []
  package private(set) var problemCount = 0
  /// What helps a job of which something is missing.
  package let remedy: String
  /// Tasks moved while they were counted: sums were not compared.
  package var hasMoved = false

  init(remedy: String) { self.remedy = remedy }

  mutating func add(_ problem: String) {
    problemCount += 1
    if problems.count < Self.most { problems.append(problem) }
  }
}
