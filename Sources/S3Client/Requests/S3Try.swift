import HTTPClient

/// What came of one try.
enum S3Try: Sendable {
  case answer(S3Answer)
  case refusal(S3Refusal)
  /// - taken: bytes of the answer's body that its reader had by then.
  case broken(HTTPError, taken: Int)

  static func of(_ answer: S3Answer, to request: S3Request, as credentials: S3Credentials) -> S3Try {
    var head = answer.head
    guard (200..<300).contains(head.status) else { return .refusal(S3Refusal(head, answer.body, to: credentials)) }
    if request.mayFailLate {
      // What cannot be read counts as broken off: S3 sends spaces while it works, and then the document.
      guard let document = try? XMLReader.read(answer.body) else {
        return .broken(HTTPError(.interrupted, "the answer ends before its document does"), taken: 0)
      }
      if document.name == "Error" {
        head.status = 500
        return .refusal(S3Refusal(head, answer.body, to: credentials))
      }
    }
    return .answer(answer)
  }
}
