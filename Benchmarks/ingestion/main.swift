import Foundation
import Glibc
import QuarryCore
import QuarryLode
import QuarryRuntime
import QuarryWire
import TestSupport

// The Swift part of a run alone: frames from a file through the decoder, a policy and Lode onto the disk. No Node, no
// pipe. Megabytes are those of the frames; a core's second is one of processor time of this process, system calls included.
// Usage: ingestion-benchmark [mebibytes of frames, default 64] [rounds, default 5]
let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
try IngestionBenchmark(mebibytes: arguments.first ?? 64, rounds: arguments.dropFirst().first ?? 5).run()

struct IngestionBenchmark {
  let mebibytes: Int
  let rounds: Int
  private let folder = TemporaryDirectory()
  private let identity = RunIdentity(runID: "bench", attempt: 1)

  private struct Figures {
    var perCore: Double
    var perSecond: Double
  }

  init(mebibytes: Int, rounds: Int) {
    self.mebibytes = mebibytes
    self.rounds = rounds
  }

  func run() throws {
    let small = try write("small", frames: Self.small(bytes: mebibytes << 20))
    let items = try write("items", frames: Self.items(bytes: mebibytes << 20))
    let artifacts = try write("artifacts", frames: Self.artifacts(bytes: mebibytes << 20))
    for (title, input) in [("small items", small), ("items of 1 KiB", items), ("artifacts of 8 MiB", artifacts)] {
      for policy in ["strict", "streaming flush-count=500", "buffered buffer-events=5000"] {
        for durability in [Durability.none, .commit] {
          let results = try (0..<rounds).map { _ in try measure(input, policy, durability) }
          let perCore = results.map(\.perCore).sorted()[rounds / 2]
          let perSecond = results.map(\.perSecond).sorted()[rounds / 2]
          let name = "\(title), \(policy), durability \(durability.rawValue)"
          print(
            name.padding(toLength: 70, withPad: " ", startingAt: 0),
            "\(Int(perCore)) MB/s a core, \(Int(perSecond)) MB/s")
        }
      }
    }
  }

  /// One run over all frames, into a dataset of its own.
  private func measure(_ path: String, _ policy: String, _ durability: Durability) throws -> Figures {
    let storage = folder.path + "/" + UUIDv7.make()
    try FileManager.default.createDirectory(atPath: storage, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: storage) }  // the whole folder goes at the end anyway
    let partition = try RunPartition(
      dataset: "quarry", source: "bench", category: "c", day: "2026-01-01", runID: identity.runID)
    let sink = LodeDataset(root: storage, durability: durability).sink(for: partition)
    let file = open(path, O_RDONLY)
    defer { close(file) }
    let bytes = lseek(file, 0, SEEK_END)
    lseek(file, 0, SEEK_SET)
    let (began, processor) = (Self.seconds(CLOCK_MONOTONIC), Self.seconds(CLOCK_PROCESS_CPUTIME_ID))
    let ingestion = StreamIngestion(
      identity: identity, partition: partition, policy: try PolicyConfiguration(text: policy), sink: sink)
    while try ingestion.read(from: file) != .endOfFile {}
    try ingestion.finish()
    let megabytes = Double(bytes) / 1e6
    guard ingestion.terminal != nil else { fatalError("the run has no end") }
    return Figures(
      perCore: megabytes / (Self.seconds(CLOCK_PROCESS_CPUTIME_ID) - processor),
      perSecond: megabytes / (Self.seconds(CLOCK_MONOTONIC) - began))
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  // MARK: Frames

  private func write(_ name: String, frames: [UInt8]) throws -> String {
    let path = folder.path + "/" + name
    try Data(frames).write(to: URL(fileURLWithPath: path))
    return path
  }

  private static func items(bytes: Int) -> [UInt8] {
    var out: [UInt8] = []
    var seq: Int64 = 0
    let text = MessagePackValue.string(String(repeating: "A quiet lamp, \"hand made\". ", count: 20))
    while out.count < bytes {
      seq += 1
      let data = map([
        ("sku", .string("Q\(seq)")), ("name", .string("Quiet Heron Lamp")), ("price_cents", .integer(1999 + seq)),
        ("in_stock", .bool(true)), ("description", text),
      ])
      append(event(seq, "item", map([("item_type", .string("product")), ("data", data)])), to: &out)
    }
    append(event(seq + 1, "run_complete", map([])), to: &out)
    return out
  }

  /// As `Benchmarks/scripts/items.ts` emits them.
  private static func small(bytes: Int) -> [UInt8] {
    var out: [UInt8] = []
    var seq: Int64 = 0
    while out.count < bytes {
      seq += 1
      let data = map([
        ("sku", .string("Q\(seq)")), ("name", .string("Quiet Heron Lamp")), ("price_cents", .integer(1999 + seq)),
        ("tags", .array([.string("a"), .string("b")])), ("in_stock", .bool(true)),
      ])
      append(event(seq, "item", map([("item_type", .string("product")), ("data", data)])), to: &out)
    }
    append(event(seq + 1, "run_complete", map([])), to: &out)
    return out
  }

  private static func artifacts(bytes: Int) -> [UInt8] {
    var out: [UInt8] = []
    let piece = (0..<4 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let count = max(1, bytes / (2 * piece.count))
    for index in 1...count {
      for seq in 1...2 {
        append(
          map([
            ("type", .string("artifact_chunk")), ("artifact_id", .string("a\(index)")), ("seq", .integer(Int64(seq))),
            ("is_last", .bool(seq == 2)), ("data", .binary(piece)),
          ]), to: &out)
      }
      let payload = map([
        ("artifact_id", .string("a\(index)")), ("name", .string("n")), ("content_type", .string("image/png")),
        ("size_bytes", .integer(Int64(2 * piece.count))),
      ])
      append(event(Int64(index), "artifact", payload), to: &out)
    }
    append(event(Int64(count + 1), "run_complete", map([])), to: &out)
    return out
  }

  private static func event(_ seq: Int64, _ type: String, _ payload: MessagePackValue) -> MessagePackValue {
    map([
      ("contract_version", .string(Version.current)), ("event_id", .string(UUIDv7.make())),
      ("run_id", .string("bench")), ("seq", .integer(seq)), ("type", .string(type)),
      ("ts", .string("2026-01-01T00:00:00.000Z")), ("attempt", .integer(1)), ("payload", payload),
    ])
  }

  private static func map(_ members: [(String, MessagePackValue)]) -> MessagePackValue {
    .map(members.map { MessagePackValue.Pair(.string($0.0), $0.1) })
  }

  private static func append(_ value: MessagePackValue, to out: inout [UInt8]) {
    var writer = MessagePackWriter()
    value.write(to: &writer)
    out += writer.frame
  }
}
