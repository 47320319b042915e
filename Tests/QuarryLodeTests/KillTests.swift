import Foundation
import LodeScenarios
import QuarryCore
import QuarryLode
import TestSupport
import TestTraits
import Testing

/// Processes that are killed at each single operation on the file system, in every way of changing a dataset. What they
/// acknowledged is there, the next writer goes on, and the collector leaves nothing behind.
@Suite(.ownThread) struct KillTests {
  @Test(arguments: Scenario.allCases)
  func aProcessThatIsKilledAnywhereLosesNothing(_ scenario: Scenario) async throws {
    let total = try await operations(scenario).count
    #expect(total > 0)
    for point in 0..<total {
      let root = TemporaryDirectory()
      try scenario.prepare(root.path)
      let result = try await victim(scenario, root.path, point)
      // Writers that share commits need a few operations more or less each time.
      #expect(result.exitCode == -SIGKILL || scenario == .group && result.exitCode == 0, "\(result.standardError)")
      let aftermath = Aftermath(
        root: root.path, acknowledged: lines(result).filter { !$0.hasPrefix("operation") },
        when: "\(scenario) killed at \(point)")
      try aftermath.check()
      try aftermath.expectThatTheNextWriterGoesOn()
      try aftermath.expectThatTheCollectorLeavesNothing()
    }
  }

  /// Else there would be one at which nobody was ever killed.
  @Test func everyKindOfOperationIsAmongThem() async throws {
    var seen: Set<String> = []
    for scenario in Scenario.allCases { seen.formUnion(try await operations(scenario)) }
    #expect(seen == Set(FileSystem.Operation.allCases.map(\.rawValue)))
  }

  /// What changes a dataset goes through `FileSystem`, whose operations are those that are counted. The index is no part of
  /// the dataset: one that is damaged is made again.
  @Test func nothingElseChangesFiles() throws {
    let sources = BuiltProducts.root + "/Sources/QuarryLode"
    let calls = try Regex(
      #"\b(mkdir|rmdir|unlink|rename|link|symlink|ftruncate|truncate|pwrite|write|fsync|fdatasync|fopen|creat)\(|O_(CREAT|WRONLY|RDWR|TRUNC)|FileManager"#
    )
    var found: [String] = []
    let others = ["Store/FileSystem.swift", "Index/RunIndexWriter.swift"]
    for path in tree(sources) where path.hasSuffix(".swift") && !others.contains(path) {
      for line in (text("\(sources)/\(path)") ?? "").split(separator: "\n")
      where !line.contains("func ") && !line.contains("try write(") {
        let code = line.split(separator: "//", omittingEmptySubsequences: false)[0]
        // Methods of ours are called by the object that has them.
        for match in code.matches(of: calls) where !code[..<match.range.lowerBound].hasSuffix(".") {
          found.append("\(path): \(code)")
        }
      }
    }
    #expect(found == [])
  }

  private func operations(_ scenario: Scenario) async throws -> [String] {
    let root = TemporaryDirectory()
    try scenario.prepare(root.path)
    let result = try await victim(scenario, root.path, nil)
    #expect(result.exitCode == 0, "\(result.standardError)")
    return lines(result).filter { $0.hasPrefix("operation ") }.map { String($0.dropFirst("operation ".count)) }
  }

  private func victim(_ scenario: Scenario, _ root: String, _ point: Int?) async throws -> ProcessResult {
    try await runProcess(
      BuiltProducts.directory + "/lode-victim", [scenario.rawValue, root] + (point.map { ["\($0)"] } ?? []))
  }

  private func lines(_ result: ProcessResult) -> [String] {
    result.standardOutput.split(separator: "\n").map { String($0) }
  }
}

/// A dataset in which a writer died.
private struct Aftermath {
  let root: String
  /// `run seq` and `run filename`.
  let acknowledged: [String]
  let when: String

  private var reader: LodeReader { LodeReader(root: root) }

  func check() throws {
    #expect(try faults(reader) == [], "\(when)")
    #expect(try findings(.error) == [], "\(when)")
    let stored = try stored()
    #expect(Set(acknowledged + ["earlier 1", "earlier 2", "earlier kept.txt"]).subtracting(stored) == [], "\(when)")
    #expect(Set(stored).count == stored.count, "\(when)")
  }

  func expectThatTheNextWriterGoesOn() throws {
    let next = try Run(LodeDataset(root: root), id: "next")
    try next.sink.write(next.items(1..<3))
    #expect(try sequence(reader, "next") == [1, 2], "\(when)")
    #expect(manifestsOnDisk(reader) == Set(try reader.chain().rows.map(\.id)), "leftovers: \(when)")
    try LodeDataset(root: root).claim(runID: "another").release()
    #expect(try LodeDataset(root: root).identity().count == 36)
  }

  func expectThatTheCollectorLeavesNothing() throws {
    let before = try stored()
    try LeftoverCollector(root: root, dataset: "quarry", age: .zero).collect(removes: true) { leftover, fate in
      #expect(fate == .removed, "\(leftover): \(when)")
    }
    try check()
    #expect(try findings(.note).filter { $0.kind == .leftover } == [], "\(when)")
    #expect(try stored() == before, "\(when)")
    #expect(tree(root).filter { $0.contains("/.lode-cas-") || $0.contains("/claims/") } == [], "\(when)")
  }

  private func findings(_ severity: Finding.Severity) throws -> [Finding] {
    var found: [Finding] = []
    _ = try reader.verify { if $0.severity == severity { found.append($0) } }
    return found
  }

  /// All that snapshots name, in the words of `acknowledged`.
  private func stored() throws -> [String] {
    var stored: [String] = []
    for run in try reader.runs().rows.map(\.runID) {
      for type in ["item", "log"] { stored += try sequence(reader, run, type: type).map { "\(run) \($0)" } }
    }
    for manifest in try reader.chain().rows {
      for file in manifest.sidecarFiles where text(reader.layout.path(of: file.path)) == file.filename {
        let run = file.path.split(separator: "/").first { $0.hasPrefix("run_id=") }?.dropFirst("run_id=".count)
        stored.append("\(run ?? "") \(file.filename)")
      }
    }
    return stored
  }
}
