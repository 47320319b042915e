import Dispatch
import Foundation
import Glibc
import QuarryCore
import QuarryFleet
import QuarryLode
import QuarryPublish
import RedisClient

/// One process of a case, started by it:
///
///   push URL FOLDER TASKS           makes a job's tasks, prints the seconds that it took
///   work URL FOLDER LOG SLOTS       a worker; each start of a task appends eight bytes to the log: the time
///   trickle URL FOLDER LOG SAMPLES  makes a task, waits for its start, and so on; prints microseconds between
///   handover URL LOG                as `work`, with BLMOVE and nothing around it
///
/// Whoever started it ends it with a signal.
struct Role {
  let arguments: [String]

  init(_ arguments: [String]) { self.arguments = arguments }

  func run() async throws {
    switch arguments[0] {
    case "push": try await push()
    case "work": try await work()
    case "trickle": try await trickle()
    default: try await handOver()
    }
  }

  private func push() async throws {
    let fleet = try await BenchFleet(arguments[1], folder: arguments[2], actor: "pusher")
    let lease = ProcessInfo.processInfo.environment["BENCH_LEASE"].flatMap { Int($0) }
    let began = monotonic()
    if let lease {
      try await fleet.submit("held", params: #"{"hold":true}"#, lease: .seconds(lease))
    } else {
      try await fleet.push(Int(arguments[3]) ?? 0)
    }
    print(Double(monotonic() - began) / 1e9)
  }

  private func work() async throws {
    let fleet = try await BenchFleet(arguments[1], folder: arguments[2], actor: ProcessName.make())
    var configuration = WorkerConfiguration(
      scriptRoot: fleet.scripts, storage: fleet.storage, workerID: fleet.queue.actor)
    configuration.fleet = BenchFleet.name
    configuration.concurrency = Int(arguments[4]) ?? 1
    let channel = ChannelPublisher(connection: try await RedisConnection.connect(RedisEndpoint(url: arguments[1])))
    let worker = FleetWorker(
      configuration, queue: fleet.queue, ledger: LodeDataset(root: fleet.folder).ledger,
      handler: NoOp(log: TimeLog(arguments[3])),
      publish: { notifications throws(QuarryError) in
        try await channel.publish(notifications)
        return notifications.count
      })
    try await worker.run()
  }

  private func trickle() async throws {
    let fleet = try await BenchFleet(arguments[1], folder: arguments[2], actor: "pusher")
    let log = TimeLog(arguments[3])
    for _ in 0..<(Int(arguments[4]) ?? 0) {
      let began = monotonic()
      try await fleet.submit(UUIDv7.make())
      print((try await log.next() - began) / 1_000)
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private func handOver() async throws {
    let redis = try await RedisConnection.connect(RedisEndpoint(url: arguments[1]))
    let log = TimeLog(arguments[2])
    while true {
      let reply = try await redis.send(["BLMOVE", "waiting", "taken", "LEFT", "RIGHT", "1"], timeout: .seconds(10))
      if !reply.isNull { log.note() }
    }
  }
}

/// Runs nothing. A task that says `hold` is still running when its worker is killed.
private struct NoOp: TaskHandler {
  let log: TimeLog

  func run(_ task: TaskAssignment, derived: any DerivedWorkSink, control: RunControl) async -> TaskResult {
    control.markStarted()
    log.note()
    if task.params.contains("hold") { await FleetClock.system.sleep(.seconds(3_600)) }
    return .accepted(RunFigures(outcome: .success))
  }
}

/// A file of times that several processes append to; eight bytes each.
final class TimeLog: Sendable {
  private let file: Int32
  private let read: Int32
  private let path: String

  init(_ path: String) {
    self.path = path
    file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    read = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0, read >= 0 else { fatalError("cannot open \(path)") }
    lseek(read, 0, SEEK_END)
  }

  deinit {
    close(file)
    close(read)
  }

  func note() {
    var time = monotonic()
    guard write(file, &time, 8) == 8 else { fatalError("cannot write \(path)") }
  }

  /// Waits for what is appended next after what was read or was there at first.
  func next() async throws -> Int64 {
    var time: Int64 = 0
    while Glibc.read(read, &time, 8) != 8 { try await Task.sleep(for: .microseconds(300)) }
    return time
  }

  /// All times, oldest first.
  var times: [Int64] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    return data.withUnsafeBytes { Array($0.bindMemory(to: Int64.self)) }
  }
}
