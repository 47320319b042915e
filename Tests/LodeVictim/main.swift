import Glibc
import LodeScenarios
import QuarryCore
import QuarryLode
import Synchronization

// A process that dies for real at one operation on the file system, by SIGKILL: `lode-victim SCENARIO ROOT [NUMBER]`,
// counted from 0. Prints a line for each thing that was acknowledged before; when it lives to the end, the names of all
// operations in their order, `operation …` each.
let arguments = CommandLine.arguments
guard arguments.count > 2, let scenario = Scenario(rawValue: arguments[1]) else {
  fatalError("usage: lode-victim SCENARIO ROOT [NUMBER]")
}
let point = arguments.count > 3 ? Int(arguments[3]) : nil
let operations = Mutex<[FileSystem.Operation]>([])

/// In one call, so that it is out before the process can die.
@Sendable func say(_ line: String) {
  let bytes = Array("\(line)\n".utf8)
  guard write(STDOUT_FILENO, bytes, bytes.count) == bytes.count else { fatalError("stdout: \(errno)") }
}

try scenario.run(
  arguments[2],
  fault: { operation, _ in
    operations.withLock { operations in
      // Under the lock: no other thread does anything after it.
      if operations.count == point { kill(getpid(), SIGKILL) }
      operations.append(operation)
    }
    return nil
  }, acknowledge: say)
for operation in operations.withLock({ $0 }) { say("operation \(operation.rawValue)") }
