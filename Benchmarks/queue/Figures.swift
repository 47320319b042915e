import Foundation
import Glibc
import RedisClient

/// What a server says of itself; figures of a case are differences of two of these.
struct ServerFigures {
  /// Of calls that clients sent; what scripts call inside is not among them.
  var scripts = 0
  /// Microseconds that scripts took in all.
  var scriptMicroseconds = 0.0
  /// All commands, those inside scripts too.
  var commands = 0
  /// Seconds of processor time, of all its threads.
  var processor = 0.0
  /// Bytes of keys and values, without what the server itself needs.
  var memory = 0
  /// Bytes that went in and out.
  var traffic = 0

  static func of(_ redis: RedisConnection) async throws -> ServerFigures {
    let text = try await redis.send(["INFO", "all"]).text ?? ""
    var values: [Substring: Substring] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    func number(_ name: Substring) -> Double { values[name].flatMap { Double($0) } ?? 0 }
    let scripts = fields(values["cmdstat_evalsha"] ?? "")
    return ServerFigures(
      scripts: Int(scripts["calls"] ?? 0), scriptMicroseconds: scripts["usec"] ?? 0,
      commands: Int(number("total_commands_processed")),
      processor: number("used_cpu_sys") + number("used_cpu_user"), memory: Int(number("used_memory_dataset")),
      traffic: Int(number("total_net_input_bytes") + number("total_net_output_bytes")))
  }

  private static func fields(_ text: Substring) -> [Substring: Double] {
    var fields: [Substring: Double] = [:]
    for part in text.split(separator: ",") {
      let pair = part.split(separator: "=")
      if pair.count == 2 { fields[pair[0]] = Double(pair[1]) }
    }
    return fields
  }

  static func - (later: ServerFigures, earlier: ServerFigures) -> ServerFigures {
    ServerFigures(
      scripts: later.scripts - earlier.scripts,
      scriptMicroseconds: later.scriptMicroseconds - earlier.scriptMicroseconds,
      commands: later.commands - earlier.commands, processor: later.processor - earlier.processor,
      memory: later.memory - earlier.memory, traffic: later.traffic - earlier.traffic)
  }
}

/// Seconds of processor time that a process has used, all of its threads together, in steps of 10 ms.
func processorTime(of pid: pid_t) throws -> Double {
  let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
  let fields = text.drop { $0 != ")" }.split(separator: " ")
  return (Double(fields[12]) ?? 0) / 100 + (Double(fields[13]) ?? 0) / 100
}

/// Nanoseconds of the clock that all processes of a machine share.
func monotonic() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

extension [Double] {
  /// The value at a part of the way from the least to the greatest; 0.5 is the median.
  func quantile(_ part: Double) -> Double { sorted()[Swift.min(count - 1, Int(Double(count) * part))] }
}

/// A line of a case: what was measured, and the figure.
func show(_ name: String, _ figure: String) {
  print("  \(name.padding(toLength: 62, withPad: " ", startingAt: 0)) \(figure)")
}

extension Double {
  func text(_ digits: Int = 2) -> String { String(format: "%.\(digits)f", self) }
}
