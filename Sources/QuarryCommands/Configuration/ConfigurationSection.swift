import QuarryCore
import Yams

/// One mapping of a configuration file, read key by key; every complaint names the file and the line.
struct ConfigurationSection {
  let file: ConfigurationText
  /// Dotted, empty for the whole file.
  let path: String
  let nodes: [String: Node]
  /// Where the mapping is; nil for the whole file.
  let node: Node?

  /// - Parameter keys: all that this version understands here.
  /// - Throws: `QuarryError(.usage)` for a key that is unknown, or known and not built.
  init(_ mapping: Node.Mapping, path: String, keys: [String], file: ConfigurationText, at node: Node? = nil)
    throws(QuarryError)
  {
    self.file = file
    self.node = node
    self.path = path
    var nodes: [String: Node] = [:]
    for (key, value) in mapping {
      guard let name = key.string else {
        throw QuarryError(.usage, "\(Self.place(key, file)): a key must be a word")
      }
      try Self.check(name, at: key, path: path, keys: keys, file)
      nodes[name] = value
    }
    self.nodes = nodes
  }

  private static func check(
    _ name: String, at key: Node, path: String, keys: [String], _ file: ConfigurationText
  ) throws(QuarryError) {
    guard !keys.contains(name) else { return }
    let shown = file.shown(path.isEmpty ? name : "\(path).\(name)", at: key)
    let known = "known here: \(keys.joined(separator: ", "))"
    let remedy = Nearest.to(name, among: keys).map { "did you mean '\($0)'? \(known)" } ?? known
    throw QuarryError(.usage, "\(place(key, file)): unknown key \(shown)", remedy: remedy)
  }

  /// - Returns: nil when the key is absent.
  func section(_ name: String, keys: [String]) throws(QuarryError) -> ConfigurationSection? {
    guard let node = nodes[name] else { return nil }
    guard case .mapping(let mapping) = node else { throw wrongType(name, node, wanted: "a mapping of keys") }
    return try ConfigurationSection(mapping, path: dotted(name), keys: keys, file: file, at: node)
  }

  /// - Throws: `QuarryError(.usage)` for a key that is there and means nothing in this section, though it does in others.
  func refuse(_ names: [String], _ why: String) throws(QuarryError) {
    guard let name = names.first(where: { nodes[$0] != nil }), let node = nodes[name] else { return }
    throw QuarryError(.usage, "\(Self.place(node, file)): '\(dotted(name))' \(why)", remedy: "leave it out")
  }

  /// A text that must be there.
  func required(_ name: String) throws(QuarryError) -> String {
    guard let value = try string(name) else {
      throw QuarryError(.usage, "\(ownPlace): '\(dotted(name))' is missing")
    }
    return value
  }

  func string(_ name: String) throws(QuarryError) -> String? {
    guard let node = nodes[name] else { return nil }
    guard case .scalar(let scalar) = node, Resolver.default.resolveTag(of: node) == .str else {
      throw wrongType(name, node, wanted: "a text (put it in quotes)")
    }
    return scalar.string
  }

  /// A text that no message shows.
  func secret(_ name: String) throws(QuarryError) -> String? {
    guard let node = nodes[name] else { return nil }
    return try Self.secret(node, named: dotted(name), file)
  }

  /// A mapping of names to texts that no message shows.
  func secrets(_ name: String) throws(QuarryError) -> [String: String]? {
    guard let node = nodes[name] else { return nil }
    guard case .mapping(let mapping) = node else {
      throw QuarryError(.usage, "\(Self.place(node, file)): '\(dotted(name))' must be a mapping of names to texts")
    }
    var values: [String: String] = [:]
    for (key, value) in mapping {
      guard let key = key.string else {
        throw QuarryError(.usage, "\(Self.place(value, file)): a name below '\(dotted(name))' must be a text")
      }
      values[key] = try Self.secret(value, named: "\(dotted(name)).\(key)", file)
    }
    return values
  }

  private static func secret(_ node: Node, named name: String, _ file: ConfigurationText) throws(QuarryError) -> String
  {
    guard case .scalar(let scalar) = node, Resolver.default.resolveTag(of: node) == .str else {
      throw QuarryError(.usage, "\(place(node, file)): '\(name)' must be a text (put it in quotes)")
    }
    return scalar.string
  }

  func boolean(_ name: String) throws(QuarryError) -> Bool? {
    guard let node = nodes[name] else { return nil }
    guard Resolver.default.resolveTag(of: node) == .bool, let value = node.bool else {
      throw wrongType(name, node, wanted: "true or false")
    }
    return value
  }

  /// A whole number from `minimum` up to `maximum`.
  func integer(_ name: String, minimum: Int, maximum: Int = .max) throws(QuarryError) -> Int? {
    guard let node = nodes[name] else { return nil }
    let isInteger = Resolver.default.resolveTag(of: node) == .int
    guard isInteger, let value = node.int, value >= minimum, value <= maximum else {
      let range = maximum == .max ? "of at least \(minimum)" : "from \(minimum) to \(maximum)"
      throw wrongType(name, node, wanted: "a whole number \(range)")
    }
    return value
  }

  /// `500ms`, `5s`, `1m30s`, `24h`; more than zero.
  func duration(_ name: String) throws(QuarryError) -> Duration? {
    guard let node = nodes[name] else { return nil }
    guard case .scalar(let scalar) = node, let value = Duration(text: scalar.string), value > .zero else {
      throw wrongType(name, node, wanted: "a duration such as 500ms, 5s, 1m30s or 24h")
    }
    return value
  }

  /// As `duration`, or a number alone, as its text.
  func durationOrNumber(_ name: String) throws(QuarryError) -> String? {
    guard let node = nodes[name] else { return nil }
    guard case .scalar(let scalar) = node, Int(scalar.string) != nil || Duration(text: scalar.string) != nil else {
      throw wrongType(name, node, wanted: "a duration such as 24h, or -1 for none")
    }
    return scalar.string
  }

  /// `512MiB`, `1g`, or a number of bytes.
  func byteCount(_ name: String) throws(QuarryError) -> Int? {
    guard let node = nodes[name] else { return nil }
    guard case .scalar(let scalar) = node, let value = ByteCount.parse(scalar.string) else {
      throw wrongType(name, node, wanted: "a size such as 256MiB, 1g or 65536")
    }
    return value
  }

  func dotted(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  private func wrongType(_ name: String, _ node: Node, wanted: String) -> QuarryError {
    var found = "a mapping"
    if case .scalar(let scalar) = node {
      found = scalar.string.isEmpty ? "nothing" : file.shown(scalar.string, at: node)
    }
    if case .sequence = node { found = "a list" }
    let shown = Redaction.isSecret(dotted(name)) ? "" : ", found \(found)"
    return QuarryError(.usage, "\(Self.place(node, file)): '\(dotted(name))' must be \(wanted)\(shown)")
  }

  static func place(_ node: Node, _ file: ConfigurationText) -> String {
    node.mark.map { "\(file):\($0.line)" } ?? file.name
  }
}
