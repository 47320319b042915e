import Dispatch
import Glibc
import QuarryCore
import RedisClient
import Synchronization

/// The use of a fleet's private Redis by this process. The server runs while anybody on this machine uses it; its
/// data (an append-only file) stays.
///
/// Whoever joins holds a shared lock on a file. A shepherd process stops the server when it gets the exclusive one: when
/// all have left, or were killed. The shepherd restarts a server that dies; should the shepherd itself be killed, which
/// ends the server too, the participants start both again.
package final class EmbeddedRedis: Sendable {
  package var endpoint: RedisEndpoint { RedisEndpoint(.unix(path: socket)) }
  /// The server's log, for messages.
  package let log: String

  private let socket: String
  private let participation: Mutex<FileLock?>
  private let server: EmbeddedServer
  private let hasLeft = DispatchSemaphore(value: 0)

  /// Starts the fleet's Redis, or joins the one that runs; when this returns it answers.
  /// - Parameters:
  ///   - environment: default: this process' own.
  ///   - shepherd: path of `quarry-shepherd`; default: beside the running binary.
  ///   - timeout: for all of it, the loading of the data included.
  /// - Throws: `QuarryError(.redis)`: `redis-server` is not installed, a folder cannot be written, it did not start.
  package static func join(
    fleet: String, environment: [String: String]? = nil, shepherd: String? = nil, timeout: Duration = .seconds(60)
  ) async throws(QuarryError) -> EmbeddedRedis {
    let environment = environment ?? ProcessEnvironment.current
    let paths = try EmbeddedPaths(fleet: fleet, environment: environment)
    let program = try RedisProgram.find(searchPath: environment["PATH"] ?? "")
    let server = EmbeddedServer(
      paths: paths, shepherd: shepherd ?? ProcessEnvironment.sibling("quarry-shepherd"), program: program)
    let deadline = ContinuousClock.now + timeout
    typealias Joined = Result<EmbeddedRedis, QuarryError>
    let result = await withCheckedContinuation {
      (waiter: CheckedContinuation<Joined, Never>) in
      OwnedThread.start {
        do throws(QuarryError) {
          waiter.resume(returning: .success(try EmbeddedRedis(joining: server, until: deadline)))
        } catch {
          waiter.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }

  private init(joining server: EmbeddedServer, until deadline: ContinuousClock.Instant) throws(QuarryError) {
    let paths = server.paths
    try paths.prepare()
    guard let lock = try FileLock.wait(for: paths.participantsLock, .shared, until: deadline) else {
      throw QuarryError(
        .redis, "the embedded Redis of this fleet has been stopping for too long (\(paths.participantsLock) is held)",
        remedy: "look into \(paths.log)")
    }
    socket = try server.ensure(socket: paths.socket, until: deadline)
    log = paths.log
    participation = Mutex(lock)
    self.server = server
    keepAlive()
  }

  deinit { leave() }

  /// Gives the use up; the last one to do so stops the server. Further calls do nothing.
  package func leave() {
    participation.withLock { $0 = nil }
    hasLeft.signal()
  }

  /// Looks every second whether there is a shepherd, and starts one when there is none. Nothing would signal its death.
  private func keepAlive() {
    let (server, socket, hasLeft) = (server, socket, hasLeft)
    OwnedThread.start {
      while hasLeft.wait(timeout: .now() + 1) == .timedOut {
        // A failed start is tried again in a second; those who use the server meanwhile say that it is away.
        if server.isAbandoned { _ = try? server.ensure(socket: socket, until: .now + .seconds(60)) }
      }
    }
  }
}
