import Glibc
import QuarryCore

/// All that one run needs to know.
package struct RunConfiguration: Sendable {
  package var identity: RunIdentity
  package var partition: RunPartition
  /// Path of the script, as the executor gets it.
  package var script: String
  /// The job: a JSON object, as text.
  package var job: String
  package var policy: PolicyConfiguration
  package var executor: ExecutorProgram
  /// What the browser goes through; nil for a direct connection.
  package var proxy: RunProxy?
  /// Of the browser that the script is to use; nil lets the executor start its own.
  package var browserEndpoint: String?
  /// From the executor's start to its end; nil for no limit.
  package var timeout: Duration?
  /// How long the executor may stay after its terminal event, or after it closed its output.
  package var exitGrace: Duration = .seconds(10)
  /// In bytes, for each artifact.
  package var artifactLimit = ArtifactAssembly.largest
  /// Records of artifacts bear checksums of what they hold.
  package var checksumsChunks = false
  /// Runs that this process carries out at the same time and that share its memory, from 1.
  package var runsAtOnce = 1
  /// Name of the storage backend, for the metrics record: `fs` or `s3`.
  package var storageBackend = "fs"

  package init(
    identity: RunIdentity, partition: RunPartition, script: String, job: String = "{}", policy: PolicyConfiguration,
    executor: ExecutorProgram
  ) {
    self.identity = identity
    self.partition = partition
    self.script = script
    self.job = job
    self.policy = policy
    self.executor = executor
  }
}

/// The program that loads and runs scripts, and what it is started with.
package struct ExecutorProgram: Sendable, Equatable {
  /// Absolute path.
  package var path: String
  /// The whole environment; nothing is inherited.
  package var environment: [String: String]
  package var shepherd: Shepherd

  package init(path: String, environment: [String: String], shepherd: Shepherd) {
    self.path = path
    self.environment = environment
    self.shepherd = shepherd
  }

  /// The path without its folders.
  package var name: String { String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]) }

  func command(_ arguments: [String]) -> ShepherdedProcess.Command {
    ShepherdedProcess.Command(path: path, arguments: arguments, environment: environment)
  }

  /// - Throws: `QuarryError(.executor)` when there is nothing at `path` that could be started.
  package func check() throws(QuarryError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw unusable(errorText(errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw unusable("it is not a file") }
    guard access(path, X_OK) == 0 else { throw unusable("it is not executable (chmod +x)") }
  }

  func unusable(_ reason: String) -> QuarryError {
    QuarryError(
      .executor, "the executor \(path) cannot be run: \(reason)",
      remedy: "run scripts/setup, or name another with --executor")
  }
}
