import QuarryCore

/// A place in the payload of a record: `data.url`, `data.images.0`, or as a JSON pointer `/data/a.b/0` where names hold
/// dots. Nothing named is the payload itself.
package struct PayloadField: Sendable, Equatable {
  package let names: [String]

  package static let whole = PayloadField(names: [])

  private init(names: [String]) { self.names = names }

  /// - Returns: nil for a text that names nothing.
  package init?(_ text: String) {
    let isPointer = text.hasPrefix("/")
    let parts = (isPointer ? text.dropFirst() : text[...]).split(
      separator: isPointer ? "/" : ".", omittingEmptySubsequences: false)
    guard !text.isEmpty, isPointer || !parts.contains("") else { return nil }
    names = parts.map { isPointer ? Self.unescape($0) : String($0) }
  }

  /// In a pointer `~1` is a slash and `~0` a tilde.
  private static func unescape(_ part: Substring) -> String {
    part.split(separator: "~1", omittingEmptySubsequences: false).map { $0.replacing("~0", with: "~") }
      .joined(separator: "/")
  }

  /// The value as the text that is stored; nil for a record that lacks it.
  package func value(in line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var value = Self.member("payload", of: line)
    for name in names {
      guard let outer = value else { return nil }
      value = Self.member(name, of: outer) ?? Self.element(name, of: outer)
    }
    return value
  }

  private static func member(_ name: String, of object: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var found: UnsafeRawBufferPointer?
    RecordMembers.forEach(in: object) { key, value in
      if key == name { found = value }
      return found == nil
    }
    return found
  }

  private static func element(_ name: String, of array: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    Int(name).flatMap { $0 >= 0 ? RecordMembers.element($0, of: array) : nil }
  }
}
