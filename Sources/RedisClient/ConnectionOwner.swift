import Glibc
import Synchronization

/// The life of a connection, on one thread: connect, log in, serve until it breaks, pause, again.
final class ConnectionOwner {
  private let endpoint: RedisEndpoint
  private let options: RedisOptions
  private let mailbox: Mailbox
  private let login: Login
  private let onPush: (@Sendable (RedisReply) -> Void)?
  private var backoff: Backoff
  private var random = SystemRandomNumberGenerator()
  private var polls: [pollfd]

  /// - Parameters:
  ///   - greeting: sent after every login; each command brings one reply.
  ///   - onPush: gets what the server sends unasked. Called on the owner thread.
  init(
    endpoint: RedisEndpoint, options: RedisOptions, mailbox: Mailbox, greeting: [RedisCommand] = [],
    onPush: (@Sendable (RedisReply) -> Void)? = nil
  ) {
    self.endpoint = endpoint
    self.options = options
    self.mailbox = mailbox
    self.onPush = onPush
    login = Login(endpoint: endpoint, name: options.name, greeting: greeting)
    backoff = Backoff(first: options.firstPause, longest: options.longestPause)
    polls = [pollfd(), pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0)]
  }

  /// Returns when the mailbox is closed.
  func run() {
    while mailbox.closedBecause == nil {
      do {
        try session()
      } catch {
        mailbox.noteOutage(error)
        if !options.reconnects { mailbox.close(because: error) }
      }
      pause(until: .now() + backoff.next(using: &random))
    }
  }

  /// One connection from its first packet to its end.
  /// - Throws: always in the end: what broke it, or why the mailbox was closed.
  private func session() throws(RedisError) {
    let link = try connect()
    do throws(RedisError) {
      try logIn(on: link)
      mailbox.connected()
      backoff.reset()
      while true { try serve(link) }
    } catch {
      link.failAll(error)
      throw error
    }
  }

  private func serve(_ link: Link) throws(RedisError) {
    let isTaking = link.notReady == nil
    if isTaking { for call in mailbox.take() { link.enqueue(call) } }
    try link.flush()
    let deadline = try link.checkDeadlines(at: .now())
    if let reason = link.notReady, link.isIdle { throw reason }
    if try wait(for: link.interest, on: link.descriptor, until: deadline, isTaking: isTaking) { try link.receive() }
  }

  private func logIn(on link: Link) throws(RedisError) {
    let answer = Answer()
    let deadline = Monotonic.now() + options.connectTimeout
    link.enqueue(login.call(deadline: deadline) { answer.outcome = $0 })
    while answer.outcome == nil {
      try link.flush()
      _ = try link.checkDeadlines(at: .now())
      if try wait(for: link.interest, on: link.descriptor, until: deadline, isTaking: false) { try link.receive() }
    }
    try login.check(answer.outcome)
  }

  /// Where the login's replies land.
  private final class Answer: Sendable {
    private let state = Mutex<Call.Outcome?>(nil)
    var outcome: Call.Outcome? {
      get { state.withLock { $0 } }
      set { state.withLock { $0 = newValue } }
    }
  }
}

extension ConnectionOwner {
  private func connect() throws(RedisError) -> Link {
    let deadline = Monotonic.now() + options.connectTimeout
    let targets: [Socket.Target]
    do { targets = try Socket.targets(of: endpoint.address) } catch { throw unreachable(error.reason) }
    var reason = "no address was found"
    for target in targets {
      switch try attempt(target, until: deadline) {
      case .success(let link): return link
      case .failure(let failure): reason = failure.reason
      }
    }
    throw unreachable(reason)
  }

  private func attempt(
    _ target: Socket.Target, until deadline: Monotonic
  ) throws(RedisError) -> Result<Link, Socket.Failure> {
    let socket: Socket
    do { socket = try Socket(target) } catch { return .failure(error) }
    while !(try wait(for: Int16(POLLOUT), on: socket.descriptor, until: deadline, isTaking: false)) {
      guard Monotonic.now() < deadline else {
        return .failure(Socket.Failure(reason: "no answer within \(options.connectTimeout)"))
      }
    }
    do { try socket.finish(isTCP: target.family != AF_UNIX) } catch { return .failure(error) }
    return .success(Link(socket, endpoint: endpoint, onPush: onPush))
  }

  private func unreachable(_ reason: String) -> RedisError {
    RedisError(
      .unreachable, endpoint: endpoint.description, "cannot reach Redis at \(endpoint): \(reason)",
      remedy: "check that a Redis server runs there and that the address is right")
  }

  private func pause(until end: Monotonic) {
    while mailbox.closedBecause == nil, Monotonic.now() < end {
      // It throws when the mailbox is closed, which the loop sees.
      _ = try? wait(for: 0, on: -1, until: end, isTaking: false)
    }
  }

  /// Sleeps until one of the events, `deadline`, or a caller's wake-up, whichever is first.
  /// - Parameter isTaking: true when calls that wait are to be sent at once; false when they wait for a connection,
  ///   and then those whose deadline passes fail here.
  /// - Returns: whether an event is there.
  private func wait(
    for events: Int16, on descriptor: Int32, until deadline: Monotonic, isTaking: Bool
  ) throws(RedisError) -> Bool {
    if let reason = mailbox.closedBecause { throw reason }
    let limit = isTaking ? deadline : min(deadline, mailbox.expire(at: .now(), otherwise: lateConnection))
    let maySleep = mailbox.prepareSleep(unlessWaiting: isTaking)
    polls[0] = pollfd(fd: descriptor, events: events, revents: 0)
    poll(&polls, 2, maySleep ? limit.pollTimeout : 0)
    if polls[1].revents != 0 { mailbox.drainWake() }
    return polls[0].revents != 0
  }

  private var lateConnection: RedisError {
    RedisError(.timeout, endpoint: endpoint.description, "no connection to Redis at \(endpoint) was made in time")
  }
}
