import CHeadStart
import QuarryCommands

@main
enum Quarry {
  static func main() {
    QuarryProgram.main(startedAhead: startedAhead())
  }

  private static func startedAhead() -> StartedExecutor? {
    guard let start = head_start(), start.pointee.shepherd > 0 else { return nil }
    return StartedExecutor(
      executorPath: text(of: start.pointee.executor_path), shepherdPath: text(of: start.pointee.shepherd_path),
      process: StartedExecutor.Process(
        shepherd: start.pointee.shepherd, input: start.pointee.input, output: start.pointee.output,
        errors: start.pointee.errors, control: start.pointee.control, status: start.pointee.status))
  }

  /// A C string in an array of fixed size.
  private static func text<Characters>(of characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
