import Glibc

/// The name of this machine.
package enum HostName {
  /// As the system has it, 255 bytes at most; nil when it does not say.
  package static var current: String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      buffer.initialize(repeating: 0)
      guard let start = buffer.baseAddress, gethostname(start, buffer.count - 1) == 0 else { return nil }
      return String(cString: start)
    }
  }
}
