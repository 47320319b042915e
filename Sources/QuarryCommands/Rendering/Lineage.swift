import QuarryCore
import QuarryLode

/// Runs as trees: below each run those that it emitted or that tried it again.
enum Lineage {
  private static let deepest = 64

  /// The trees of a job's runs, oldest first; a run whose parent is not among them is a root.
  static func trees(of runs: [RunSummary]) -> Output {
    let ids = Set(runs.map(\.runID))
    return .list(
      runs.reversed().filter { run in parent(of: run).map { !ids.contains($0) } ?? true }.map { root in
        entry(root, below(root.runID, children: byParent(runs), depth: 0))
      })
  }

  /// The trees below one run: among the runs of its job where it has one, else level by level.
  static func below(_ run: RunSummary, reader: LodeReader) throws(QuarryError) -> Output {
    guard let job = run.jobID else { return try below(run, reader: reader, depth: 0) }
    return below(run.runID, children: byParent(try reader.runs(RunFilter(jobID: job)).rows), depth: 0)
  }

  private static func below(_ run: RunSummary, reader: LodeReader, depth: Int) throws(QuarryError) -> Output {
    var nodes: [Output] = []
    for child in depth < deepest ? try reader.children(of: run).rows.reversed() : []
    where parent(of: child) == run.runID {
      nodes.append(entry(child, try below(child, reader: reader, depth: depth + 1)))
    }
    return .list(nodes)
  }

  private static func below(_ id: String, children: [String: [RunSummary]], depth: Int) -> Output {
    guard depth < deepest else { return .list([]) }
    return .list(
      (children[id] ?? []).reversed().map { child in
        entry(child, below(child.runID, children: children, depth: depth + 1))
      })
  }

  /// A retry hangs below the run it repeats, derived work below the run that emitted it.
  private static func parent(of run: RunSummary) -> String? { run.parentRunID ?? run.originRunID }

  private static func byParent(_ runs: [RunSummary]) -> [String: [RunSummary]] {
    Dictionary(grouping: runs) { parent(of: $0) ?? "" }
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
