import QuarryCore
import Yams

/// YAML with the same names, order and types as the JSON form.
package enum YAMLRendering {
  package static func text(of output: Output) throws -> String {
    try Yams.serialize(node: node(of: output), width: -1, allowUnicode: true)
  }

  private static func node(of output: Output) -> Node {
    switch output {
    case .value(let value): node(of: value)
    case .list(let elements): flowIfEmpty(elements.map(node))
    case .record(let fields): Node(fields.map { (Node($0.name), node(of: $0.value)) })
    }
  }

  private static func node(of value: JSONValue) -> Node {
    switch value {
    case .string(let text): string(text)
    case .array(let elements): flowIfEmpty(elements.map(node))
    case .object(let members):
      Node(members.sorted { $0.key < $1.key }.map { (string($0.key), node(of: $0.value)) })
    case .null, .bool, .integer, .unsigned, .double: Node(value.canonicalText)
    }
  }

  private static func flowIfEmpty(_ elements: [Node]) -> Node {
    Node(elements, .implicit, elements.isEmpty ? .flow : .any)
  }

  /// Quoted where the bare text would be read as a number, a date, a truth value or nothing.
  private static func string(_ text: String) -> Node {
    let isPlain = Resolver.default.resolveTag(of: Node(text)) == .str
    return Node(text, Tag(.implicit), isPlain ? .any : .doubleQuoted)
  }
}
