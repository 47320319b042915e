import Glibc

/// Reads what fits in memory: configuration, jobs, notes of the build.
enum SmallFile {
  /// - Returns: the whole content; nil when it cannot be read (`errno` says why) or is longer than `limit` bytes
  ///   (then `errno` is `EFBIG`).
  static func read(_ path: String, limit: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { return content }
      content += chunk[..<count]
      guard content.count <= limit else {
        errno = EFBIG
        return nil
      }
    }
  }
}
