import Glibc

/// What AWS's tools read of their surroundings: variables and files.
package struct S3Environment: Sendable {
  private let variables: [String: String]

  /// - Parameter variables: those of the process.
  package init(_ variables: [String: String]) { self.variables = variables }

  /// Nil when it is not set or empty.
  subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

  var configPath: String? { self["AWS_CONFIG_FILE"].map(expanded) ?? inHome(".aws/config") }
  var credentialsPath: String? { self["AWS_SHARED_CREDENTIALS_FILE"].map(expanded) ?? inHome(".aws/credentials") }

  private func inHome(_ path: String) -> String? { self["HOME"].map { "\($0)/\(path)" } }

  private func expanded(_ path: String) -> String {
    path.hasPrefix("~/") ? inHome(String(path.dropFirst(2))) ?? path : path
  }
}

enum SmallFile {
  private static let limit = 1 << 20

  /// - Returns: nil when there is no such file.
  /// - Throws: `S3Error(.credentials)` for one that cannot be read, is larger than 1 MiB, or is no UTF-8.
  static func text(_ path: String) throws(S3Error) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .credentials("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while bytes.count <= limit {
      let count = read(file, &chunk, chunk.count)
      if count < 0 && errno != EINTR {
        throw .credentials("\(path) cannot be read: \(String(cString: strerror(errno)))")
      }
      if count == 0 { break }
      if count > 0 { bytes += chunk[..<count] }
    }
    guard bytes.count <= limit else { throw .credentials("\(path) is larger than 1 MiB") }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .credentials("\(path) is not UTF-8 text")
    }
    return text
  }

  /// A secret that stands alone in a file.
  static func token(_ path: String, of name: String) throws(S3Error) -> String {
    guard let text = try text(path) else { throw .credentials("\(name) names \(path), which is not there") }
    let token = text.trimmed
    guard !token.isEmpty else { throw .credentials("\(name) names \(path), which is empty") }
    return token
  }
}

extension StringProtocol {
  /// Without spaces and line ends around it.
  var trimmed: String {
    let start = drop(while: \.isWhitespace)
    return start.lastIndex { !$0.isWhitespace }.map { String(start[...$0]) } ?? ""
  }
}
