import Synchronization

/// A name that is being looked up; the mailbox's owner is woken when its result is there.
final class Lookup: Sendable {
  private let state = Mutex<Result<[Socket.Target], Socket.Failure>?>(nil)

  init(_ server: RedisEndpoint.Server, _ mailbox: Mailbox) {
    OwnedThread.start { [self] in
      let result: Result<[Socket.Target], Socket.Failure>
      do throws(Socket.Failure) { result = .success(try Socket.targets(of: server, isNumeric: false)) } catch {
        result = .failure(error)
      }
      state.withLock { $0 = result }
      mailbox.wake()
    }
  }

  /// Nil while it is under way.
  var result: Result<[Socket.Target], Socket.Failure>? { state.withLock { $0 } }
}
