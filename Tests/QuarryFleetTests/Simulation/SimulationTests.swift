import Foundation
import QuarryFleet
import RedisClient
import TestSupport
import Testing

/// The fleet's promises under every seed. `make simulate SEEDS=… STEPS=… SEED=…` runs as many as one likes.
@Suite(.timeLimit(.minutes(60))) struct SimulationTests {
  static let settings = SimulationSettings(ProcessInfo.processInfo.environment)

  @Test(arguments: settings.shares)
  func whateverHappensThePromisesHold(_ seeds: [UInt64]) async throws {
    let bench = try await SimulationBench()
    let scripts = try Mutant.scripts(with: nil)
    for seed in seeds {
      if let failure = try await bench.run(seed, steps: Self.settings.steps, scripts) { Issue.record("\(failure)") }
    }
  }
}

/// What `make simulate` asks for.
struct SimulationSettings {
  let steps: Int
  /// Seeds that go one after the other on one server.
  let shares: [[UInt64]]

  init(_ environment: [String: String]) {
    func number(_ name: String) -> UInt64? { environment["SIMULATION_\(name)"].flatMap { UInt64($0) } }
    steps = Int(number("STEPS") ?? 500)
    let seeds = number("SEED").map { [$0] } ?? Array(1...(number("SEEDS") ?? 200))
    shares = (0..<UInt64(4)).map { share in seeds.filter { $0 % 4 == share } }.filter { !$0.isEmpty }
  }
}

/// A server for one simulation after the other.
struct SimulationBench {
  private let server: RedisServer
  private let connection: RedisConnection

  init() async throws {
    server = try RedisServer.start()
    connection = try await RedisConnection.connect(try RedisEndpoint(url: server.url))
  }

  /// - Returns: what is wrong, and how to see it again; nil when nothing is.
  func run(_ seed: UInt64, steps: Int, _ scripts: [String: RedisScript]) async throws -> String? {
    _ = try await connection.send(["FLUSHALL"])
    var simulation = try await Simulation(seed: seed, on: connection, fleet: "sim", scripts: scripts)
    var done = 0
    do {
      while done < steps, simulation.model.problems.isEmpty {
        try await simulation.step()
        done += 1
      }
      try await simulation.conclude()
    } catch {
      simulation.model.problem("\(error)")
    }
    guard let first = simulation.model.problems.first else { return nil }
    return """
      seed \(seed), step \(done): \(first)
      again: make simulate SEED=\(seed) STEPS=\(done)
      before: \(simulation.diary.suffix(25).joined(separator: "\n        "))
      """
  }
}
