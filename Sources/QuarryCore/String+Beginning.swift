extension String {
  /// The longest beginning that takes no more than so many bytes of UTF-8; no letter is cut.
  package func beginning(_ limit: Int) -> Substring {
    guard utf8.count > limit else { return self[...] }
    // An index within a scalar counts as the one where the scalar begins.
    return self[..<utf8.index(startIndex, offsetBy: limit)]
  }
}
