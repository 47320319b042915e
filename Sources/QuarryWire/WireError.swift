/// Why bytes of the executor could not be taken. None of these is recoverable: a stream is not resynchronised.
package struct WireError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The stream ends inside a frame.
    case truncated
    /// A frame, chunk or file above its limit.
    case oversized
    /// Not MessagePack, not a frame, or a field of the wrong type.
    case undecodable
    /// The envelope says another contract version than ours.
    case otherVersion
    /// NaN or an infinity, which JSON cannot say.
    case notFinite
    /// The JSON text would pass the limit that the caller gave.
    case tooLong
  }

  package let code: Code
  /// Without a full stop; names the field where there is one.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
