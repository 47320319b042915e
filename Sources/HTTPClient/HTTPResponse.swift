/// Status and headers of an answer.
package struct HTTPHead: Sendable, Equatable {
  package struct Field: Sendable, Equatable {
    /// In lower case.
    package let name: String
    package let value: String
  }

  package var status: Int
  /// In the order they came in.
  package var headers: [Field]

  /// The first header of that name, which is to be in lower case.
  package subscript(name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// An answer with its body.
package struct HTTPResponse: Sendable, Equatable {
  package let head: HTTPHead
  package let body: [UInt8]
}
