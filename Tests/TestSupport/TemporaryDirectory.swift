import Foundation

/// A folder that is made for one test and removed with all it holds.
package final class TemporaryDirectory: Sendable {
  /// Short, so that unix sockets fit in it (108 bytes).
  package let path: String

  package init() {
    var template = Array("/tmp/quarry-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { preconditionFailure("mkdtemp: \(String(cString: strerror(errno)))") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
