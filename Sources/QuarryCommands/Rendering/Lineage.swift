import QuarryCore
import QuarryLode

/// Runs as trees: below each run those that it emitted or that tried it again.
enum Lineage {
  /// Bound on the runs of one tree that is followed run by run.
  private static let limit = 10_000

  /// The trees of a job's runs; a run whose parent is not among them is a root.
  static func trees(of runs: [RunSummary]) -> Output {
    let ids = Set(runs.map(\.runID))
    let byParent = Dictionary(grouping: runs) { $0.parentRunID ?? "" }
    let roots = runs.filter { run in run.parentRunID.map { !ids.contains($0) } ?? true }
    func node(_ run: RunSummary, _ depth: Int) -> Output {
      let children = depth < 64 ? byParent[run.runID] ?? [] : []
      return entry(run, .list(children.map { node($0, depth + 1) }))
    }
    return .list(roots.map { node($0, 0) })
  }

  /// The trees below one run: from its job where it has one, else run by run.
  static func below(_ run: RunDetail, reader: LodeReader) throws -> Output {
    var budget = limit
    return try children(of: run, reader: reader, budget: &budget)
  }

  private static func children(of run: RunDetail, reader: LodeReader, budget: inout Int) throws -> Output {
    var nodes: [Output] = []
    for id in run.childRunIDs where budget > 0 {
      budget -= 1
      guard let child = try reader.run(id) else { continue }
      nodes.append(entry(child.summary, try children(of: child, reader: reader, budget: &budget)))
    }
    return .list(nodes)
  }

  private static func entry(_ run: RunSummary, _ children: Output) -> Output {
    .record([
      .init(name: "run_id", value: .value(.string(run.runID))),
      .init(name: "state", value: .value(.string(run.state.rawValue))),
      .init(name: "attempt", value: .value(.optional(run.attempt))),
      .init(name: "source", value: .value(.string(run.source))),
      .init(name: "children", value: children),
    ])
  }
}
