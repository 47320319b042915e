import Foundation
import QuarryCore
import QuarryLode
import TestSupport

// Strict writers of one dataset, durability commit: batches of ten items of 1 KiB, each acknowledged before the next. How
// many commits a second together, and how long one takes.
// Usage: commit-benchmark [seconds a case, default 3] [words of the cases to measure]
let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "writer" {
  try Writer(Array(arguments.dropFirst())).run()
} else {
  let words = arguments.drop { Double($0) != nil }.joined(separator: " ")
  try await CommitBenchmark(seconds: arguments.first.flatMap { Double($0) } ?? 3, words: words).run()
}

struct CommitBenchmark {
  let seconds: Double
  let words: String

  private struct Figures {
    var perSecond: Double
    var median: Double
    var p99: Double
    /// Commits of the run that had the fewest, over the mean: 0 is a run that starved.
    var least: Double
  }

  func run() async throws {
    try await table("runs in one process", [(1, 1), (1, 8), (1, 32)])
    try await table("processes of one run", [(1, 1), (8, 1), (16, 1)])
    try await table("a process of 32 runs beside three of one", [(1, 1), (4, 32)])
    let noise = try Noise()
    defer { noise.end() }
    try await table("processes beside a program that writes to the same file system", [(1, 1), (16, 1)])
  }

  private func table(_ title: String, _ cases: [(processes: Int, runs: Int)]) async throws {
    guard words.isEmpty || title.contains(words) else { return }
    print(title)
    var one: Double?
    for (processes, runs) in cases {
      let figures = try await measure(processes, runs)
      let name = "  \(processes) × \(runs)".padding(toLength: 12, withPad: " ", startingAt: 0)
      print(
        name
          + "\(Int(figures.perSecond)) commits a second (\(text(figures.perSecond / (one ?? figures.perSecond))) of one), "
          + "median \(text(figures.median)) ms, p99 \(text(figures.p99)) ms = \(text(figures.p99 / figures.median)) medians, "
          + "least \(text(figures.least)) of the mean")
      one = one ?? figures.perSecond
    }
  }

  /// - Parameter runs: of the first process; the others have one each.
  private func measure(_ processes: Int, _ runs: Int) async throws -> Figures {
    let folder = TemporaryDirectory()
    let start = Writer.now + 0.5
    let writers = try (0..<processes).map { index in
      try RunningProcess(
        CommandLine.arguments[0],
        ["writer", folder.path, "p\(index)", "\(index == 0 ? runs : 1)", "\(start)", "\(start + seconds)"])
    }
    var times: [[Double]] = []
    for writer in writers {
      let result = try await writer.finish(within: .seconds(seconds + 60))
      guard result.exitCode == 0 else { fatalError("a writer failed: \(result.standardError)") }
      times += result.standardOutput.split(separator: "\n").map { $0.split(separator: " ").compactMap { Double($0) } }
    }
    let sorted = times.joined().sorted()
    let rows = try LodeReader(root: folder.path).chain().rows.reduce(0) { $0 + $1.rowCount }
    guard rows == sorted.count * Writer.batch else { fatalError("\(rows) rows for \(sorted.count) commits") }
    return Figures(
      perSecond: Double(sorted.count) / seconds, median: sorted[sorted.count / 2], p99: sorted[sorted.count * 99 / 100],
      least: Double((times.map(\.count).min() ?? 0) * times.count) / Double(sorted.count))
  }

  private func text(_ value: Double) -> String { String(format: "%.2f", value) }
}

/// One process: its runs on a thread each; prints the milliseconds of every commit, one run a line.
struct Writer {
  static let batch = 10
  static var now: Double { Double(nanoseconds()) / 1e9 }

  private let dataset: LodeDataset
  private let name: String
  private let runs: Int
  private let start: Double
  private let end: Double

  init(_ arguments: [String]) {
    dataset = LodeDataset(root: arguments[0])
    name = arguments[1]
    runs = Int(arguments[2]) ?? 1
    start = Double(arguments[3]) ?? 0
    end = Double(arguments[4]) ?? 0
  }

  func run() throws {
    OwnThread.block(for: .seconds(start - Self.now))
    onThreads(runs) { index in
      do { print(try commits(of: "\(name)-\(index)").map { String(format: "%.3f", $0) }.joined(separator: " ")) } catch
      {
        fatalError("\(error)")
      }
    }
  }

  private func commits(of run: String) throws -> [Double] {
    let partition = try RunPartition(
      dataset: "quarry", source: "bench", category: "c", day: "2026-01-01", runID: run)
    let sink = dataset.sink(for: partition)
    let text = String(repeating: "x", count: 900)
    var times: [Double] = []
    while Self.now < end {
      var batch = RecordBatch(partition: partition, policy: "strict")
      for seq in 0..<Self.batch {
        batch.append(.event, eventType: "item") { out in
          JSONText.appendMember("seq", Int64(times.count * Self.batch + seq + 1), to: &out)
          JSONText.appendMember("text", text, to: &out)
        }
      }
      let began = Self.now
      try sink.write(batch)
      times.append((Self.now - began) * 1e3)
    }
    return times
  }

  private static func nanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// Something that writes to the file system of the temporary folders, as fast as it can, without waiting for the disk.
struct Noise {
  private let folder = TemporaryDirectory()
  private let process: RunningProcess

  init() throws {
    let write = "dd if=/dev/zero of=noise bs=1M count=400 conv=notrunc status=none"
    process = try RunningProcess("/bin/sh", ["-c", "while \(write); do :; done"], directory: folder.path)
  }

  func end() { process.sendToGroup(SIGKILL) }
}
