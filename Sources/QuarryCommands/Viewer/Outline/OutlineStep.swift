/// The way from a value to one of its parts.
enum OutlineStep: Hashable {
  case field(String)
  /// By what names it, where it has a name, so that an element is the same one when others come before it.
  case element(String)

  /// For people.
  var text: String {
    switch self {
    case .field(let name): name
    case .element(let key): key
    }
  }

  /// The steps to each element of a list: its first member where that is a text, else its number, counted from 1.
  /// Elements that share a name are told apart by their number too.
  static func elements(_ elements: [Output]) -> [OutlineStep] {
    var taken: Set<String> = []
    return elements.enumerated().map { index, element in
      let name = name(of: element).flatMap { taken.insert($0).inserted ? $0 : nil }
      return .element(name ?? "\(index + 1)")
    }
  }

  private static func name(of element: Output) -> String? {
    guard case .fields(let fields) = element.parts, case .value(.string(let text)) = fields.first?.value else {
      return nil
    }
    return text
  }
}

/// From the document to a value in it.
typealias OutlinePath = [OutlineStep]
