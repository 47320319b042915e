import Glibc
import PercentEncoding
import QuarryLode

/// What a command sees of the process it runs in.
package struct CommandContext: Sendable {
  package var environment: [String: String]
  /// Absolute; relative paths on the command line start here.
  package var workingDirectory: String
  package var console: Console
  /// What this process has started for the run that its arguments ask for.
  package var headStart: ExecutorHeadStart?

  /// Goes up when a reading command had to pass something over.
  var passedOver = SharedFlag()

  package init(environment: [String: String], workingDirectory: String, console: Console) {
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.console = console
  }

  package static func ofThisProcess() -> CommandContext {
    let environment = currentEnvironment()
    return CommandContext(
      environment: environment, workingDirectory: currentDirectory(),
      console: .ofThisProcess(environment: environment))
  }

  /// Says what a reading command could not read: its answer is not whole.
  func passOver(_ damages: some Sequence<String>) {
    for damage in damages {
      console.warn(damage)
      passedOver.raise()
    }
  }

  /// Where something was looked for in vain, after what could not be read was said.
  func whatWasRead(_ reader: LodeReader) -> String {
    (passedOver.isRaised ? "in what can be read of " : "in ") + reader.layout.folder
  }

  /// The exit code of a reading command that has answered.
  var endOfReading: Int32 { passedOver.isRaised ? ExitCode.failure : 0 }

  /// The absolute form of a path or of a `file:///` address, without touching the file system.
  package func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    if path.hasPrefix("file:///"), let named = PercentEncoding.unescape(path.dropFirst("file://".count)) {
      return named
    }
    var relative = Substring(path)
    while relative.hasPrefix("./") { relative = relative.dropFirst(2).drop { $0 == "/" } }
    return workingDirectory + (workingDirectory.hasSuffix("/") ? "" : "/") + relative
  }

  private static func currentDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }

  private static func currentEnvironment() -> [String: String] {
    var values: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      if let sign = strchr(text, Int32(UInt8(ascii: "="))) {
        let name = UnsafeRawBufferPointer(start: text, count: sign - text)
        values[String(decoding: name, as: UTF8.self)] = String(cString: sign + 1)
      }
      entry += 1
    }
    return values
  }
}
