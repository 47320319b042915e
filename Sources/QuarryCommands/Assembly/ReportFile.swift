import Glibc
import QuarryCore

/// Where `--report` writes to.
enum ReportFile {
  /// A report that cannot be written is a warning: the run's outcome stands.
  /// - Parameter path: absolute, or `-` for stderr; nil for none.
  static func write(_ text: String, to path: String?, _ console: Console) {
    guard let path else { return }
    guard path != "-" else { return console.printError(text) }
    if let failure = replace(path, with: Array(text.utf8)) {
      console.warn("the report was not written to \(path): \(failure)")
    }
  }

  /// Written beside it and renamed, so that a reader never sees half a report.
  private static func replace(_ path: String, with bytes: [UInt8]) -> String? {
    let isSpecial = isSpecialFile(path)
    let temporary = isSpecial ? path : "\(path).\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { return String(cString: strerror(errno)) }
    let isWritten = writeAll(bytes, to: descriptor)
    let failure = isWritten ? nil : String(cString: strerror(errno))
    close(descriptor)
    guard !isSpecial else { return failure }
    if failure == nil, rename(temporary, path) == 0 { return nil }
    let reason = failure ?? String(cString: strerror(errno))
    unlink(temporary)
    return reason
  }

  /// `/dev/stdout`, a named pipe: written as it is.
  private static func isSpecialFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG && status.st_mode & S_IFMT != S_IFDIR
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var offset = 0
    while offset < bytes.count {
      let count = bytes[offset...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      offset += count
    }
    return true
  }
}
