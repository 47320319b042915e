import QuarryCore
import QuarryLode

/// Where a run stands among its relatives, as trees: below each run those that it emitted or that tried it again.
struct Lineage: Sendable {
  /// From the first of them to the run's parent.
  let ancestors: Output
  let children: Output

  private static let deepest = 64

  /// The trees of a job's runs, oldest first; a run whose parent is not among them is a root. Parents are what people
  /// said, so they may form a circle: its oldest run is then the root, and each run stands in the trees once.
  /// - Parameter verdict: says of each run whether it counts; nil where nobody knows.
  static func trees(of runs: [RunSummary], verdict: LedgerVerdict?) -> Output {
    let oldestFirst = runs.reversed()
    let ids = Set(runs.map(\.runID))
    let children = byParent(runs)
    var shown: Set<String> = []
    let roots = oldestFirst.filter { run in parent(of: run).map { !ids.contains($0) } ?? true }
    var trees = roots.map { tree(of: $0, children: children, verdict, shown: &shown, depth: 0) }
    for run in oldestFirst where !shown.contains(run.runID) {
      trees.append(tree(of: run, children: children, verdict, shown: &shown, depth: 0))
    }
    return .list(trees)
  }

  /// - Parameter note: told of what could not be read of its ancestors.
  static func of(
    _ run: RunSummary, reader: LodeReader, liveness: Liveness, note: (String) -> Void
  ) throws(QuarryError) -> Lineage {
    Lineage(
      ancestors: try ancestors(of: run, reader, liveness, note),
      children: try below(run, reader: reader, liveness: liveness))
  }

  /// One that is named and not stored has its id alone, and what came before it is not known.
  private static func ancestors(
    of run: RunSummary, _ reader: LodeReader, _ liveness: Liveness, _ note: (String) -> Void
  ) throws(QuarryError) -> Output {
    var found: [Output] = []
    var met: Set = [run.runID]
    var current: RunSummary? = run
    while let id = current.flatMap(parent), found.count < deepest, met.insert(id).inserted {
      current = try reader.summary(of: id, liveness: liveness, note: note)
      found.append(.record(ancestor(id, current)))
    }
    return .list(found.reversed())
  }

  private static func ancestor(_ id: String, _ run: RunSummary?) -> [(String, JSONValue)] {
    [
      ("run_id", .string(id)), ("state", .optional(run?.state.rawValue)), ("attempt", .optional(run?.attempt)),
      ("source", .optional(run?.source)),
    ]
  }

  /// The trees below one run, of whichever jobs.
  private static func below(
    _ run: RunSummary, reader: LodeReader, liveness: Liveness
  ) throws(QuarryError) -> Output {
    var shown: Set = [run.runID]
    let runs = try reader.descendants(of: run, levels: deepest, liveness: liveness).rows
    return below(run.runID, children: byParent(runs), nil, shown: &shown, depth: 0)
  }

  private static func tree(
    of run: RunSummary, children: [String: [RunSummary]], _ verdict: LedgerVerdict?, shown: inout Set<String>,
    depth: Int
  ) -> Output {
    shown.insert(run.runID)
    return entry(run, verdict, below(run.runID, children: children, verdict, shown: &shown, depth: depth))
  }

  private static func below(
    _ id: String, children: [String: [RunSummary]], _ verdict: LedgerVerdict?, shown: inout Set<String>, depth: Int
  ) -> Output {
    guard depth < deepest else { return .list([]) }
    var nodes: [Output] = []
    for child in (children[id] ?? []).reversed() where !shown.contains(child.runID) {
      nodes.append(tree(of: child, children: children, verdict, shown: &shown, depth: depth + 1))
    }
    return .list(nodes)
  }

  /// A retry hangs below the run it repeats, derived work below the run that emitted it.
  private static func parent(of run: RunSummary) -> String? { run.parentRunID ?? run.originRunID }

  private static func byParent(_ runs: [RunSummary]) -> [String: [RunSummary]] {
    Dictionary(grouping: runs) { parent(of: $0) ?? "" }
  }

  private static func entry(_ run: RunSummary, _ verdict: LedgerVerdict?, _ children: Output) -> Output {
    var values: [(String, JSONValue)] = [
      ("run_id", .string(run.runID)), ("state", .string(run.state.rawValue)), ("attempt", .optional(run.attempt)),
      ("source", .string(run.source)),
    ]
    if let isAccepted = verdict?.isAccepted(run) { values.append(("accepted", .bool(isAccepted))) }
    return .record(
      values.map { Output.Field(name: $0.0, value: .value($0.1)) } + [Output.Field(name: "children", value: children)])
  }
}
