import QuarryCore

/// Takes jobs from the submissions list, the oldest first: names each, writes its ledger record, brings it into the
/// fleet. What cannot be a job goes to the rejects with its reason; what storage does not take waits on the list.
struct SubmissionTaker: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let submitter: JobSubmitter
  let leadership: Leadership
  let clock: FleetClock
  let interval: Duration
  /// Of the storage that takes a job's record.
  let watch: OutageWatch
  /// What a line asks for, with what this process gives to all jobs.
  let request: @Sendable (SubmissionLine) throws(QuarryError) -> JobRequest
  let notice: @Sendable (CoordinatorNotice) -> Void

  private enum Outcome { case taken, later }

  func run() async {
    while !Task.isCancelled {
      guard leadership.current != nil, await takeWaiting() else {
        await clock.sleep(interval)
        continue
      }
    }
  }

  /// - Returns: false when it should rest: nothing can be asked, or storage does not take a job's record.
  private func takeWaiting() async -> Bool {
    let lines = await caller.call { () async throws(QuarryError) in
      try await queue.waitForSubmissions(upTo: .seconds(5))
      return try await queue.waitingSubmissions(limit: 100)
    }
    guard let lines else { return false }
    if lines.isEmpty { watch.answered() }
    for line in lines {
      guard leadership.current != nil, await take(line) == .taken else { return false }
    }
    return true
  }

  private func take(_ bytes: [UInt8]) async -> Outcome {
    guard var line = String(validating: bytes, as: UTF8.self) else {
      return await reject(bytes, QuarryError(.usage, "not UTF-8"))
    }
    do throws(QuarryError) {
      var submission = try SubmissionLine(parsing: line)
      if !submission.isNamed {
        let named = try submission.naming(line)
        guard await rename(line, to: named) else { return .taken }
        line = named
        submission = try SubmissionLine(parsing: line)
      }
      var prepared = try JobSubmitter.prepare(try request(submission))
      prepared.submission.line = line
      guard let answer = try await submitter.submit(prepared) else { return .later }
      watch.answered()
      return await tell(answer, prepared)
    } catch {
      guard error.kind == .usage else {
        watch.failed(error)
        return .later
      }
      return await reject(Array(line.utf8), error)
    }
  }

  /// A job of a line has its id before anything is written under it, so that whoever takes the line again makes no second.
  private func rename(_ line: String, to named: String) async -> Bool {
    await caller.call { () async throws(QuarryError) in try await queue.name(line: line, as: named) } ?? false
  }

  private func tell(_ answer: JobSubmitter.Answer, _ prepared: JobSubmitter.Prepared) async -> Outcome {
    let jobID = prepared.submission.jobID
    switch answer {
    case .submitted: notice(.submitted(jobID: jobID, fleet: queue.fleet))
    case .known(let ignored):
      let line = prepared.submission.line ?? ""
      let isGone: Void? = await caller.call { () async throws(QuarryError) in try await queue.drop(line: line) }
      guard isGone != nil else { return .later }
      notice(.known(jobID: jobID, fleet: queue.fleet, ignored: ignored))
    }
    return .taken
  }

  private func reject(_ line: [UInt8], _ error: QuarryError) async -> Outcome {
    let done: Void? = await caller.call { () async throws(QuarryError) in
      try await queue.reject(line: line, because: error.message)
    }
    guard done != nil else { return .later }
    notice(.submissionRejected(error.message))
    return .taken
  }
}
