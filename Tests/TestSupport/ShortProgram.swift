import Foundation

/// A program that ends by itself soon. Not Foundation's Process, whose word that a child has ended goes astray when
/// another is started meanwhile.
package enum ShortProgram {
  /// - Parameter arguments: the program's path first.
  /// - Returns: what it wrote to stdout.
  /// - Throws: when it does not end with 0.
  @discardableResult
  package static func run(_ arguments: [String]) throws -> String {
    let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
    var name = Array("/tmp/quarry-output-XXXXXX".utf8CString)
    let output = mkstemp(&name)
    _ = fcntl(output, F_SETFD, FD_CLOEXEC)
    unlink(name)
    defer { for descriptor in [nothing, output] { close(descriptor) } }
    let pid = try RunningProcess.spawn(
      arguments, environment: ProcessInfo.processInfo.environment, directory: nil,
      descriptors: [nothing, output, output])
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    let text = try Self.text(of: output)
    guard status == 0 else { throw RunningProcess.Failure(description: "\(arguments) ended with \(status): \(text)") }
    return text
  }

  private static func text(of file: Int32) throws -> String {
    lseek(file, 0, SEEK_SET)
    let bytes = try FileHandle(fileDescriptor: file, closeOnDealloc: false).readToEnd() ?? Data()
    return String(decoding: bytes, as: UTF8.self)
  }
}
