/// The commit a binary was built from: `make build` writes it beside the binary.
enum BuildCommit {
  /// - Returns: nil when the build has not noted it.
  static func beside(executable: String) -> String? {
    guard let bytes = SmallFile.read(executable + ".commit", limit: 256) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first
    return text.map(String.init)
  }
}
