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
    let names = expansion.replacements(in: node, TextPlaces(expansion.text)).filter(\.isGiven).map { "${\($0.name)}" }
    return names.isEmpty ? "'\(scalar)'" : "the value of \(names.joined(separator: " and "))"
  }
}
