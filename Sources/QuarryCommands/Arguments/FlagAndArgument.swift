/// A flag without a value.
@propertyWrapper
final class Flag: Declaration, @unchecked Sendable {
  var wrappedValue: Bool

  init(wrappedValue: Bool, _ name: String, help: ArgumentHelp) {
    self.wrappedValue = wrappedValue
    super.init(.flag, [name], help, isRepeatable: true)
  }

  override func take(_ word: String) { wrappedValue = true }
}

/// A word without a flag, by its place; it must be there.
@propertyWrapper
final class Argument: Declaration, @unchecked Sendable {
  /// Empty until a line was read.
  var wrappedValue = ""

  init(help: ArgumentHelp) { super.init(.argument, [], help) }

  override func take(_ word: String) { wrappedValue = word }
}
