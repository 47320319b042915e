import QuarryCore

/// What the contracts name and this version does not have. Everything here is refused by name, never ignored:
/// the one table that commands, flags, flag values and configuration keys are looked up in.
package enum Unbuilt {
  /// A feature, and what to use until it is there.
  package struct Feature {
    let name: String
    let remedy: String

    init(_ name: String, remedy: String = "`quarry --help` lists what there is") {
      self.name = name
      self.remedy = remedy
    }
  }

  static let workerMemory = Feature(
    "a limit for a worker's own memory", remedy: "leave the flag out; --executor-max-rss bounds its executors")
  static let budgets = Feature("budgets per job, lane and page", remedy: "bound the crawl by --depth and --max-runs")

  package static let flags: [String: Feature] = {
    var table: [String: Feature] = [:]
    func add(_ feature: Feature, _ names: String...) { for name in names { table["--" + name] = feature } }
    add(workerMemory, "max-rss")
    return table
  }()

  /// Configuration keys by their dotted path.
  package static let keys: [String: Feature] = [
    "fleet.max_rss": workerMemory
  ]

  /// - Parameter asked: what was typed, quoted as the message shall show it.
  static func refusal(of feature: Feature, asked: String) -> QuarryError {
    let name = feature.name == asked ? asked : "\(asked) (\(feature.name))"
    return QuarryError(.usage, "\(name) is not built yet in \(Version.current)", remedy: feature.remedy)
  }
}
