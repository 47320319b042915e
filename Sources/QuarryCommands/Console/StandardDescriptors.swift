import Glibc

/// A process may be started without stdin, stdout or stderr (`quarry version >&-`). Whatever it opened first would then
/// stand in their place and get what is meant for them.
enum StandardDescriptors {
  /// Occupies those that are closed, so that reads find the end, and writes to stdout fail as they should. Call it before
  /// anything is opened.
  static func occupy() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // `open` answers the lowest free number, which is this one.
      _ = open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY)
    }
  }
}
