/// Sentences of one sort: the first are said, the others counted.
struct FirstSentences {
  private static let most = 20

  private var sentences: [String] = []
  private var others = 0

  /// - Parameter sentence: asked only for what is said.
  mutating func add<Failure>(_ sentence: () throws(Failure) -> String) throws(Failure) {
    if sentences.count < Self.most { sentences.append(try sentence()) } else { others += 1 }
  }

  /// - Parameter rest: says of so many others, where there are any, what they are.
  func with(_ rest: (Int) -> String) -> [String] { others == 0 ? sentences : sentences + [rest(others)] }
}
