import Yams

/// A configuration as messages about it name it: by its file, and without what came from the environment.
struct ConfigurationText: CustomStringConvertible {
  /// As it was typed.
  let name: String
  /// Nil where no variables were put in.
  var expansion: EnvironmentExpansion?

  var description: String { name }

  /// What of a scalar is shown: a variable's value may be a secret, whatever it was put in for.
  func shown(_ scalar: String, at node: Node) -> String {
    guard let expansion else { return "'\(scalar)'" }
    let names = variables(of: node, expansion).filter(\.isGiven).map { "${\($0.name)}" }
    return names.isEmpty ? "'\(scalar)'" : "the value of \(names.joined(separator: " and "))"
  }

  /// What to do about a value that is missing: nil when no variable was to give it.
  func remedyOfMissing(_ node: Node) -> String? {
    guard let expansion else { return nil }
    let names = variables(of: node, expansion).filter { !$0.isGiven }.map(\.name)
    return names.isEmpty ? nil : "set \(names.joined(separator: " and ")): unset or empty in the environment"
  }

  private func variables(of node: Node, _ expansion: EnvironmentExpansion) -> [EnvironmentExpansion.Replacement] {
    expansion.replacements(in: node, TextPlaces(expansion.text))
  }
}
