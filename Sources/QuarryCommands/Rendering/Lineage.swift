import QuarryCore
import QuarryLode

/// Runs as trees: below each run those that it emitted or that tried it again.
enum Lineage {
  private static let deepest = 64

  /// The trees of a job's runs, oldest first; a run whose parent is not among them is a root. Parents are what people
  /// said, so they may form a circle: its oldest run is then the root, and each run stands in the trees once.
  static func trees(of runs: [RunSummary]) -> Output {
    let oldestFirst = runs.reversed()
    let ids = Set(runs.map(\.runID))
    let children = byParent(runs)
    var shown: Set<String> = []
    let roots = oldestFirst.filter { run in parent(of: run).map { !ids.contains($0) } ?? true }
    var trees = roots.map { tree(of: $0, children: children, shown: &shown, depth: 0) }
    for run in oldestFirst where !shown.contains(run.runID) {
      trees.append(tree(of: run, children: children, shown: &shown, depth: 0))
    }
    return .list(trees)
  }

  /// The trees below one run: among the runs of its job where it has one, else level by level.
  static func below(_ run: RunSummary, reader: LodeReader) throws(QuarryError) -> Output {
    var shown: Set = [run.runID]
    guard let job = run.jobID else { return try below(run, reader: reader, shown: &shown, depth: 0) }
    return below(run.runID, children: byParent(try reader.runs(RunFilter(jobID: job)).rows), shown: &shown, depth: 0)
  }

  private static func below(
    _ run: RunSummary, reader: LodeReader, shown: inout Set<String>, depth: Int
  ) throws(QuarryError) -> Output {
    var nodes: [Output] = []
    for child in depth < deepest ? try reader.children(of: run).rows.reversed() : []
    where parent(of: child) == run.runID && shown.insert(child.runID).inserted {
      nodes.append(entry(child, try below(child, reader: reader, shown: &shown, depth: depth + 1)))
    }
    return .list(nodes)
  }

  private static func tree(
    of run: RunSummary, children: [String: [RunSummary]], shown: inout Set<String>, depth: Int
  ) -> Output {
    shown.insert(run.runID)
    return entry(run, below(run.runID, children: children, shown: &shown, depth: depth))
  }

  private static func below(
    _ id: String, children: [String: [RunSummary]], shown: inout Set<String>, depth: Int
  ) -> Output {
    guard depth < deepest else { return .list([]) }
    var nodes: [Output] = []
    for child in (children[id] ?? []).reversed() where !shown.contains(child.runID) {
      nodes.append(tree(of: child, children: children, shown: &shown, depth: depth + 1))
    }
    return .list(nodes)
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
