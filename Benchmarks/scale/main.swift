import Foundation
import Glibc
import QuarryCore
import TestSupport

// How long the reading commands take as a dataset grows, against the smallest one, within one run.
// Usage: scale-benchmark PATH-OF-QUARRY [rounds, default 7] [runs of each dataset, default 1000 10000 100000]
//        scale-benchmark write FOLDER RUNS: only makes such a dataset
let arguments = CommandLine.arguments.dropFirst()
guard let program = arguments.first else {
  print("usage: scale-benchmark PATH-OF-QUARRY [rounds] [runs…]")
  exit(2)
}
if program == "write", arguments.count == 3, let runs = Int(arguments[3]) {
  print(try GeneratedDataset(root: arguments[2], runs: runs).write())
  exit(0)
}
let numbers = arguments.dropFirst().compactMap { Int($0) }
let sizes = numbers.dropFirst().isEmpty ? [1_000, 10_000, 100_000] : Array(numbers.dropFirst())
try ScaleBenchmark(program: program, rounds: numbers.first ?? 7, sizes: sizes).run()

struct ScaleBenchmark {
  let program: String
  let rounds: Int
  let sizes: [Int]

  private struct Figure {
    /// Median wall time of the whole program.
    var seconds: Double
    /// Of its memory, in MiB.
    var peak: Int
  }

  func run() throws {
    var base: [Figure] = []
    for size in sizes {
      // A folder of its own: one dataset is there at a time.
      let folder = TemporaryDirectory()
      let ids = try GeneratedDataset(root: folder.path, runs: size).write()
      let rows = try measure(folder.path, middle: ids.middle, newest: ids.newest)
      if base.isEmpty { base = rows.map(\.1) }
      print("\(size) runs, and the time against \(sizes[0]):")
      for ((title, figure), base) in zip(rows, base) {
        let ratio = (figure.seconds / base.seconds * 100).rounded() / 100
        print("  \(title): \(Int(figure.seconds * 1_000)) ms, \(ratio), peak \(figure.peak) MiB")
      }
      fflush(nil)
      // Much faster than Foundation for millions of files.
      _ = try time("/bin/rm", ["-rf", folder.path])
    }
  }

  private func measure(_ root: String, middle: String, newest: String) throws -> [(title: String, Figure)] {
    // The first has no index yet, the second makes it.
    let commands = [
      ["list", "runs", "--limit", "50"], ["lode", "index", "--anew"], ["inspect", "run", newest],
      ["inspect", "run", middle],
      ["cat", "--run", middle],
      ["stats", "runs"], ["list", "runs", "--limit", "50", "--state", "failed"],
      ["list", "runs", "--limit", "50", "--state", "running"], ["list", "runs", "--job", "job-2"], ["list", "jobs"],
      ["inspect", "job", "job-2"],
    ]
    return try commands.map { command in
      let title = command.joined(separator: " ").replacing(newest, with: "NEWEST").replacing(middle, with: "MIDDLE")
      let rounds = command[0] == "lode" ? 1 : rounds
      let runs = try (0..<rounds).map { _ in try time(program, command + ["--storage-path", root]) }
      return (title, Figure(seconds: runs.map(\.seconds).sorted()[rounds / 2], peak: runs.map(\.peak).max() ?? 0))
    }
  }

  private func time(_ program: String, _ command: [String]) throws -> Figure {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    var words = ([program] + command).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    let began = ContinuousClock.now
    guard posix_spawn(&pid, program, &actions, nil, &words, environ) == 0 else { throw Failure(command: command) }
    var (status, usage): (Int32, rusage) = (0, rusage())
    while wait4(pid, &status, 0, &usage) < 0, errno == EINTR {}
    guard status == 0 else { throw Failure(command: command) }
    let wall = (ContinuousClock.now - began).components
    return Figure(
      seconds: Double(wall.seconds) + Double(wall.attoseconds) / 1e18, peak: Int(usage.ru_maxrss) >> 10)
  }

  private struct Failure: Error {
    let command: [String]
  }
}
