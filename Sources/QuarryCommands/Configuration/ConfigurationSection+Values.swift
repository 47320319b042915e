import QuarryCore
import Yams

extension ConfigurationSection {
  /// Any scalar as it was written, a number too. What is wrong with it is said without showing it: it may be a secret.
  func scalar(_ name: String) throws(QuarryError) -> String? {
    guard let node = nodes[name] else { return nil }
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
      throw QuarryError(
        .usage, "\(place(of: name)): '\(dotted(name))' must be a text that is not empty",
        remedy: file.remedyOfMissing(node))
    }
    return scalar.string
  }

  /// One of the words of a fixed set.
  func word<Word: RawRepresentable & CaseIterable>(
    _ name: String, among: Word.Type
  ) throws(QuarryError) -> Word? where Word.RawValue == String {
    guard let text = try scalar(name) else { return nil }
    if let word = Word(rawValue: text) { return word }
    let words = Word.allCases.map(\.rawValue)
    throw QuarryError(
      .usage, "\(place(of: name)): '\(dotted(name))' must be one of \(words.joined(separator: ", "))",
      remedy: Nearest.to(text, among: words).map { "did you mean '\($0)'?" })
  }

  /// - Returns: nil when the key is absent.
  func list(_ name: String, keys: [String]) throws(QuarryError) -> [ConfigurationSection]? {
    guard let node = nodes[name] else { return nil }
    guard case .sequence(let sequence) = node else {
      throw QuarryError(.usage, "\(place(of: name)): '\(dotted(name))' must be a list of mappings")
    }
    var sections: [ConfigurationSection] = []
    for (index, element) in sequence.enumerated() {
      let path = "\(dotted(name))[\(index)]"
      guard case .mapping(let mapping) = element else {
        throw QuarryError(.usage, "\(Self.place(element, file)): '\(path)' must be a mapping of keys")
      }
      sections.append(try ConfigurationSection(mapping, path: path, keys: keys, file: file, at: element))
    }
    return sections
  }

  /// The mappings below a key whose own keys are names that the author chose.
  /// - Returns: nil when the key is absent.
  func named(_ name: String, keys: [String]) throws(QuarryError) -> [(name: String, section: ConfigurationSection)]? {
    guard let node = nodes[name] else { return nil }
    guard case .mapping(let mapping) = node else {
      throw QuarryError(.usage, "\(place(of: name)): '\(dotted(name))' must be a mapping of names")
    }
    var sections: [(String, ConfigurationSection)] = []
    for (key, value) in mapping {
      guard let own = key.string, case .mapping(let inner) = value else {
        throw QuarryError(
          .usage, "\(Self.place(key, file)): '\(dotted(name)).\(key.string ?? "?")' must be a mapping of keys")
      }
      sections.append(
        (own, try ConfigurationSection(inner, path: "\(dotted(name)).\(own)", keys: keys, file: file, at: key)))
    }
    return sections
  }

  func required<Value>(_ name: String, _ value: Value?) throws(QuarryError) -> Value {
    if let value { return value }
    throw QuarryError(.usage, "\(ownPlace): '\(dotted(name))' is missing")
  }

  /// What the mapping as a whole says.
  func whole<Value>(_ make: () throws(ProxyProblem) -> Value) throws(QuarryError) -> Value {
    do throws(ProxyProblem) { return try make() } catch {
      let at = nodes[error.field] == nil ? ownPlace : place(of: error.field)
      throw QuarryError(.usage, "\(at): '\(path)': \(error.message)")
    }
  }

  private func place(of name: String) -> String { nodes[name].map { Self.place($0, file) } ?? file.name }

  var ownPlace: String { node.map { Self.place($0, file) } ?? file.name }
}
