import QuarryCore
import Yams

/// The environment variables that a configuration makes secrets of: passwords and tokens, and the whole addresses of
/// webhooks and of Redis, which hold them.
enum SecretVariables {
  /// - Throws: `QuarryError(.usage)` for text that is no YAML.
  static func names(in file: ConfigurationFile) throws(QuarryError) -> Set<String> {
    let text = file.expansion.text
    guard !file.expansion.replacements.isEmpty,
      let root = try ConfigurationFile.root(of: text, file: file.name)
    else { return [] }
    var names: Set<String> = []
    let places = TextPlaces(text)
    for (key, value) in root { collect(value, key.string ?? "", file.expansion, places, into: &names) }
    return names
  }

  private static func collect(
    _ node: Node, _ key: String, _ expansion: EnvironmentExpansion, _ places: TextPlaces, into names: inout Set<String>
  ) {
    switch node {
    case .mapping(let mapping):
      for (name, value) in mapping { collect(value, "\(key).\(name.string ?? "?")", expansion, places, into: &names) }
    case .sequence(let sequence):
      for value in sequence { collect(value, key, expansion, places, into: &names) }
    default:
      guard isSecret(key) else { return }
      names.formUnion(expansion.replacements(in: node, places).filter(\.isGiven).map(\.name))
    }
  }

  private static func isSecret(_ key: String) -> Bool {
    Redaction.isSecret(key) || ["adapter.url", "events.sinks.url", "fleet.redis"].contains(key)
  }
}

extension EnvironmentExpansion {
  /// What was put into the text of one value.
  func replacements(in node: Node, _ places: TextPlaces) -> [Replacement] {
    guard case .scalar(let scalar) = node, let mark = node.mark else { return [] }
    let start = places.offset(line: mark.line, column: mark.column)
    let end = places.endOfValue(from: start, length: scalar.string.unicodeScalars.count)
    return replacements.filter { $0.range.lowerBound < end && $0.range.upperBound >= start }
  }
}
