import QuarryCore

/// What a reading command was asked for is not there: exit code 1.
struct NotFound: Error {
  let message: String
  let remedy: String?

  init(_ message: String, remedy: String? = nil) {
    self.message = message
    self.remedy = remedy
  }

  /// As it is said.
  var error: QuarryError { QuarryError(.storage, message, remedy: remedy) }
}
