/// Finds text in a document, also where it is not open.
struct OutlineSearch {
  let term: String
  /// Capital letters are told apart where the term has some.
  private let isExact: Bool

  init(_ term: String) {
    self.term = term
    isExact = term.contains(where: \.isUppercase)
  }

  struct Match {
    let path: OutlinePath
    /// Which of all, counted from 1.
    let number: Int
    let count: Int
  }

  /// The next match behind a place, or before it; over the end it goes on at the other one.
  /// - Returns: nil when nothing fits.
  func next(in document: Output, from place: OutlinePath, backwards: Bool = false) -> Match? {
    var nodes: [Node] = []
    collect(document.parts, path: [], into: &nodes)
    let matches = nodes.indices.filter { nodes[$0].fits }
    guard let first = matches.first, let last = matches.last else { return nil }
    let here = Self.index(of: place, in: nodes)
    let chosen = backwards ? matches.last { $0 < here } ?? last : matches.first { $0 > here } ?? first
    let number = (matches.firstIndex(of: chosen) ?? 0) + 1
    return Match(path: nodes[chosen].path, number: number, count: matches.count)
  }

  private struct Node {
    let path: OutlinePath
    let fits: Bool
  }

  private static func index(of place: OutlinePath, in nodes: [Node]) -> Int {
    for length in stride(from: place.count, through: 1, by: -1) {
      let part = Array(place.prefix(length))
      if let index = nodes.firstIndex(where: { $0.path == part }) { return index }
    }
    return -1
  }

  private func collect(_ parts: OutputParts?, path: OutlinePath, into nodes: inout [Node]) {
    switch parts {
    case nil: break
    case .fields(let fields):
      for field in fields {
        let text = field.value.parts == nil ? "\(field.name) \(field.value.scalarText)" : field.name
        nodes.append(Node(path: path + [.field(field.name)], fits: fits(text)))
        collect(field.value.parts, path: path + [.field(field.name)], into: &nodes)
      }
    case .elements(let elements): collect(elements, path: path, into: &nodes)
    }
  }

  /// A record in a list is found as a whole by its own values, which its row of a table shows.
  private func collect(_ elements: [Output], path: OutlinePath, into nodes: inout [Node]) {
    for (element, step) in zip(elements, OutlineStep.elements(elements)) {
      guard case .fields(let fields) = element.parts else {
        nodes.append(Node(path: path + [step], fits: element.parts == nil && fits(element.scalarText)))
        collect(element.parts, path: path + [step], into: &nodes)
        continue
      }
      let values = fields.filter { $0.value.parts == nil }.map(\.value.scalarText)
      nodes.append(Node(path: path + [step], fits: values.contains(where: fits)))
      collect(.fields(fields.filter { $0.value.parts != nil }), path: path + [step], into: &nodes)
    }
  }

  private func fits(_ text: String) -> Bool {
    isExact ? text.contains(term) : text.lowercased().contains(term.lowercased())
  }
}
