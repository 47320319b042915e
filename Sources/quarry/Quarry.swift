import CHeadStart
import QuarryCommands

@main
enum Quarry {
  static func main() {
    QuarryProgram.main(startedAhead: startedAhead())
  }

  private static func startedAhead() -> StartedExecutor? {
    guard let start = head_start()?.pointee, start.shepherd > 0 else { return nil }
    return StartedExecutor(
      executorPath: String(cString: start.executor_path), shepherdPath: String(cString: start.shepherd_path),
      process: StartedExecutor.Process(
        shepherd: start.shepherd, input: start.input, output: start.output, errors: start.errors,
        control: start.control, status: start.status))
  }
}
