import QuarryCore
import Yams

/// Every key of a configuration with what it comes to and where that was said. No secret is in it.
struct ConfigurationReport {
  struct Row {
    let key: String
    let value: JSONValue
    let origin: Origin
    /// Of the file; nil for what it does not say.
    var line: Int?
    /// Environment variables that the value was made from, or would have been if they were set.
    var variables: [String] = []
  }

  enum Origin: String {
    case standard = "default"
    case file, environment
  }

  /// The keys below those that are mappings; every other mapping or list of a file is shown as it is there.
  static let sections = [
    "storage": ConfigurationLoader.storageKeys, "policy": ConfigurationLoader.policyKeys,
    "proxy": ConfigurationLoader.proxyKeys, "adapter": ConfigurationLoader.adapterKeys,
    "events": ConfigurationLoader.eventsKeys,
    "fleet": ConfigurationLoader.fleetKeys,
  ]

  private(set) var rows: [Row] = []
  private let effective: [String: JSONValue]
  private let places: TextPlaces
  private let expansion: EnvironmentExpansion

  /// - Throws: `QuarryError(.usage)` for a file that a command would refuse.
  init(of path: String, in context: CommandContext) throws(QuarryError) {
    let file = try ConfigurationFile.read(path, in: context)
    let text = file.expansion.text
    let configuration = try ConfigurationLoader.parse(file)
    effective = try EffectiveConfiguration.values(of: configuration, in: context)
    places = TextPlaces(text)
    expansion = file.expansion
    let root = try ConfigurationFile.root(of: text, file: file.name)
    for key in ConfigurationLoader.keys { add(key, Self.value(of: key, in: root)) }
    noteOverrides(context.environment)
  }

  private static func value(of key: String, in mapping: Node.Mapping?) -> Node? {
    mapping?.first { $0.key.string == key }?.value
  }

  private mutating func add(_ key: String, _ node: Node?) {
    if let below = Self.sections[key] {
      var mapping: Node.Mapping?
      if case .mapping(let found)? = node { mapping = found }
      for name in below { add("\(key).\(name)", Self.value(of: name, in: mapping)) }
      return
    }
    switch node {
    case .mapping(let mapping)? where !mapping.isEmpty:
      for (name, value) in mapping { add("\(key).\(name.string ?? "?")", value) }
    case .sequence(let sequence)? where !sequence.isEmpty:
      for (index, value) in sequence.enumerated() { add("\(key)[\(index)]", value) }
    default: rows.append(row(key, node))
    }
  }

  private func row(_ key: String, _ node: Node?) -> Row {
    guard let node else {
      return Row(key: key, value: Redaction.shown(effective[key] ?? .null, key: key), origin: .standard)
    }
    let used = expansion.replacements(in: node, places)
    return Row(
      key: key, value: Redaction.shown(effective[key] ?? Self.plain(node), key: key),
      origin: used.contains(where: \.isGiven) ? .environment : .file, line: node.mark?.line, variables: used.map(\.name)
    )
  }

  /// What stands over a file.
  private mutating func noteOverrides(_ environment: [String: String]) {
    let variable = ExecutorSettings.endpointVariable
    guard environment[variable] != nil, let index = rows.firstIndex(where: { $0.key == "browser_ws_endpoint" }) else {
      return
    }
    rows[index] = Row(
      key: rows[index].key, value: rows[index].value, origin: .environment, line: nil, variables: [variable])
  }

  private static func plain(_ node: Node) -> JSONValue {
    guard case .scalar(let scalar) = node else { return .null }
    switch Resolver.default.resolveTag(of: node) {
    case .null: return .null
    case .bool: return node.bool.map { .bool($0) } ?? .string(scalar.string)
    case .int: return node.int.map { .integer(Int64($0)) } ?? .string(scalar.string)
    case .float: return node.float.map { .double($0) } ?? .string(scalar.string)
    default: return .string(scalar.string)
    }
  }
}
