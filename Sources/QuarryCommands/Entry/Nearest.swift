/// The known words that someone most likely meant.
enum Nearest {
  /// - Returns: the candidate with the smallest edit distance, if it is near enough to be worth proposing: at most
  ///   a third of the letters differ, and never more than three, nor all.
  static func to(_ word: String, among candidates: some Sequence<String>) -> String? {
    all(to: word, among: candidates).first
  }

  /// - Returns: three at most, the nearest first.
  static func all(to word: String, among candidates: some Sequence<String>) -> [String] {
    let limit = min(3, max(1, word.count / 3))
    return
      candidates
      .map { (candidate: $0, distance: distance(Array(word), Array($0))) }
      .filter {
        $0.distance <= limit && $0.distance < max(word.count, $0.candidate.count)
          || $0.candidate.hasPrefix(word) && word.count > 2
      }
      .sorted { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }
      .prefix(3).map(\.candidate)
  }

  /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
  static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in left.indices {
      var current = [row + 1]
      for column in right.indices {
        var best = min(last[column + 1], current[column]) + 1
        best = min(best, last[column] + (left[row] == right[column] ? 0 : 1))
        if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
          best = min(best, beforeLast[column - 1] + 1)
        }
        current.append(best)
      }
      (beforeLast, last) = (last, current)
    }
    return last[right.count]
  }
}
