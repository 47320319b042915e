import QuarryCore
import QuarryFleet

/// A crawl whose pages and links follow from a seed alone: whoever runs a page derives the same work.
struct SimulatedJob {
  /// Of each kind of failure.
  static let budget = 3
  static let hosts = ["h0", "h1", "h2", "h3"]
  static let storage = StorageIdentity(backend: "fs", dataset: "quarry", id: "one")

  let id: String
  let seed: UInt64
  let pages: Int
  var model: FleetModel.Job

  /// - Parameter number: 0 for the first of a simulation's jobs.
  init(_ number: Int, _ chance: Chance) {
    id = ["one", "two"][number]
    seed = UInt64(chance.below(1 << 30))
    pages = 8 + chance.below(12)
    model = FleetModel.Job(depth: 1 + chance.below(5), maxRuns: chance.happens(30) ? 5 + chance.below(10) : nil)
    if chance.happens(50) { model.politeness.hostConcurrency = 1 + chance.below(2) }
    if chance.happens(50) { model.politeness.hostDelay = .seconds(3 + chance.below(12)) }
    if chance.happens(40) { model.politeness.jobConcurrency = 2 + chance.below(2) }
    if chance.happens(25) { model.politeness.hostMaxPages = 1 + chance.below(3) }
  }

  var root: String { url(of: 0) }
  var rootTask: String { id + "-root" }

  /// Page 0 is on no host.
  func url(of page: Int) -> String { page == 0 ? "http:///0" : "http://h\(page % 4)/\(page)" }

  static func page(of url: String) -> Int { Int(url.split(separator: "/").last ?? "") ?? 0 }

  /// Pages that a page leads to.
  func links(of page: Int) -> [Int] {
    var generator = SeededGenerator(seed: seed &+ UInt64(page) &* 7_919)
    let count = page == 0 ? 3 : Int.random(in: 0...2, using: &generator)
    let links = (0..<count).map { _ in Int.random(in: 0..<pages, using: &generator) }
    // Most pages lead to the next one, so that ways to a page differ much in their length.
    return Int.random(in: 0..<4, using: &generator) > 0 ? links + [(page + 1) % pages] : links
  }

  func work(_ page: Int) -> [DerivedWork] {
    links(of: page).enumerated().map { index, link in
      DerivedWork(
        index: index, target: "page.ts", params: "{\"url\":\"\(url(of: link))\"}",
        options: .init(
          lane: ["high", "default", "low"][link % 3], delayMilliseconds: link % 5 == 0 ? 4_000 : nil))
    }
  }

  var submission: JobSubmission {
    var request = JobRequest(script: "page.ts", scriptRoot: "/", source: "shop", storage: Self.storage)
    request.params = "{\"url\":\"\(root)\"}"
    request.depth = model.depth
    request.maxRuns = model.maxRuns
    request.politeness = model.politeness
    (request.retries.attempts, request.retries.crashes, request.retries.blocks) = (
      Self.budget, Self.budget, Self.budget
    )
    return JobSubmission(jobID: id, rootTaskID: rootTask, request: request, target: "page.ts")
  }

  var record: JobRecord {
    let (request, root) = (submission.request, WorkRecord(target: "page.ts", params: submission.request.params))
    var record = JobRecord(
      root: root, rootTaskID: rootTask, depth: request.depth, maxRuns: request.maxRuns, policy: request.policy,
      storage: Self.storage, scripts: [:])
    record.politeness = request.politeness
    return record
  }

  /// Every page that some way leads to within the job's depth.
  var reachable: Set<String> {
    var found = [0: 0]
    var queue = [0]
    while !queue.isEmpty {
      let page = queue.removeFirst()
      guard let depth = found[page], depth < model.depth else { continue }
      for link in links(of: page) where found[link] == nil {
        found[link] = depth + 1
        queue.append(link)
      }
    }
    return Set(found.keys.map(url(of:)))
  }
}
