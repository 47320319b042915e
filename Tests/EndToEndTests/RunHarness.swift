import Foundation
import QuarryCore
import TestSupport
import Testing

/// A folder with scripts, a storage path beside them, and `quarry` on both.
struct RunHarness: ~Copyable {
  let folder = TemporaryDirectory()
  var path: String { folder.path }
  var data: String { folder.path + "/data" }

  static let node = BuiltProducts.root + "/.tools/driver/playwright/driver/node"

  init() throws {
    try FileManager.default.createDirectory(atPath: folder.path + "/data", withIntermediateDirectories: true)
  }

  /// - Returns: the script's path.
  @discardableResult
  func script(_ name: String, _ text: String) throws -> String {
    try text.write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
    return path + "/" + name
  }

  /// An executable that stands for the executor.
  static let oddExecutor = BuiltProducts.root + "/Tests/EndToEndTests/Executors/odd-executor"

  /// Makes the odd executor behave as `mode` says.
  static func odd(_ mode: String) -> [String: String] {
    ["ODD_MODE": mode, "ODD_VERSION": Version.current, "ODD_NODE": node]
  }

  func start(_ arguments: [String], environment: [String: String] = [:]) throws -> RunningProcess {
    try RunningProcess(BuiltProducts.quarry, arguments, environment: environment, directory: path)
  }

  func quarry(
    _ arguments: String..., environment: [String: String] = [:], within: Duration = .seconds(60)
  ) async throws -> ProcessResult {
    try await start(arguments, environment: environment).finish(within: within)
  }

  /// `quarry run` of a script into the harness' storage path.
  func run(_ script: String, _ arguments: String..., environment: [String: String] = [:]) async throws -> ProcessResult
  {
    try await start(
      ["run", "--script", script, "--storage-path", data] + arguments, environment: environment
    ).finish()
  }

  /// The answer of a reading command.
  func read(_ arguments: String...) async throws -> JSONValue {
    let result = try await start(arguments + ["--storage-path", data, "--format", "json"]).finish()
    guard result.exitCode == 0 else {
      throw RunningProcess.Failure(description: "\(arguments): exit \(result.exitCode): \(result.standardError)")
    }
    return try JSONParser.parse(result.standardOutput)
  }

  /// Holds the dataset to be whole: `quarry lode verify` finds nothing that is damaged or missing.
  func expectSound(_ location: SourceLocation = #_sourceLocation) async throws {
    let result = try await start(["lode", "verify", "--storage-path", data]).finish(within: .seconds(120))
    #expect(result.exitCode == 0, "\(result.standardOutput)\(result.standardError)", sourceLocation: location)
  }

  /// All stored records of the dataset, in no particular order.
  func records() throws -> [JSONValue] {
    let partitions = URL(fileURLWithPath: data + "/datasets/quarry/partitions")
    let files = FileManager.default.enumerator(at: partitions, includingPropertiesForKeys: nil)?.allObjects ?? []
    return try files.compactMap { $0 as? URL }.filter { $0.path.hasSuffix("/data/data") }.flatMap { file in
      try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { try JSONParser.parse(String($0)) }
    }
  }

  /// Paths of all files in the storage path that fit.
  func files(_ fits: (String) -> Bool) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: data).filter(fits).map { "\(data)/\($0)" }
  }

  func items() throws -> [JSONValue] { try records().filter { $0["event_type"]?.string == "item" } }
}
