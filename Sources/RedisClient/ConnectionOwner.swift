import Glibc
import Synchronization

/// The life of a connection, on one thread: find the server, connect, log in, serve until it breaks, pause, again.
final class ConnectionOwner {
  let endpoint: RedisEndpoint
  let options: RedisOptions
  let mailbox: Mailbox
  let login: Login
  let whereabouts: Whereabouts
  let onPush: (@Sendable (RedisReply) -> Void)?
  /// Which of several servers, or sentinels, is asked first: another one after each failure.
  var turn = 0
  /// The server that this connection is on, or was on last.
  var server: RedisEndpoint.Server?
  private var backoff: Backoff
  private var random = SystemRandomNumberGenerator()
  private var polls: [pollfd]

  /// - Parameters:
  ///   - greeting: sent after every login; each command brings one reply.
  ///   - onPush: gets what the server sends unasked. Called on the owner thread.
  init(
    endpoint: RedisEndpoint, options: RedisOptions, mailbox: Mailbox, whereabouts: Whereabouts,
    greeting: [RedisCommand] = [], onPush: (@Sendable (RedisReply) -> Void)? = nil
  ) {
    self.endpoint = endpoint
    self.options = options
    self.mailbox = mailbox
    self.whereabouts = whereabouts
    self.onPush = onPush
    login = Login(endpoint: endpoint, name: options.name, greeting: greeting)
    backoff = Backoff(first: options.firstPause, longest: options.longestPause)
    polls = [pollfd(), pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0)]
  }

  /// Returns when the mailbox is closed.
  func run() {
    var wasMoved = false
    while mailbox.closedBecause == nil {
      do {
        try session()
      } catch {
        // Another node is at hand: nobody waits for it, unless two of them send each other what they are asked.
        let isMoved = noteMove(error)
        if isMoved, !wasMoved {
          wasMoved = true
          continue
        }
        wasMoved = isMoved
        turn += 1
        if !isMoved { mailbox.noteOutage(error) }
        if !options.reconnects { mailbox.close(because: error) }
      }
      pause(until: .now() + backoff.next(using: &random))
    }
  }

  private func noteMove(_ error: RedisError) -> Bool {
    guard let node = error.movedTo else {
      if let server { whereabouts.forget(server) }
      return false
    }
    whereabouts.moved(to: node, by: server)
    return true
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

  private func logIn(on link: Link) throws(RedisError) {
    let replies: [RedisReply]
    do throws(RedisError) {
      replies = try converse(login.commands, on: link, until: .now() + options.connectTimeout)
    } catch {
      guard error.kind == .closed, endpoint.tls == nil, mailbox.closedBecause == nil else { throw error }
      throw RedisError(
        .closed, endpoint: error.endpoint, error.message, remedy: "if it speaks TLS there, write rediss://",
        outcomeUnknown: error.outcomeUnknown)
    }
    try login.check(replies)
  }

  private func serve(_ link: Link) throws(RedisError) {
    let isTaking = link.notReady == nil
    if isTaking { for call in mailbox.take() { link.enqueue(call) } }
    try link.flush()
    let deadline = try link.checkDeadlines(at: .now())
    if let reason = link.notReady, link.isIdle { throw reason }
    if try wait(for: link.interest, on: link.descriptor, until: deadline, isTaking: isTaking) { try link.receive() }
  }

  /// Sends commands of the connection's own, while the calls of others wait.
  /// - Returns: a reply for each, error replies among them.
  func converse(
    _ commands: [RedisCommand], on link: Link, until deadline: Monotonic
  ) throws(RedisError) -> [RedisReply] {
    let answer = Answer()
    var bytes: [UInt8] = []
    for command in commands { command.encode(into: &bytes) }
    link.enqueue(
      Call(bytes: bytes, replyCount: commands.count, deadline: deadline, failsDuringOutage: false) {
        answer.outcome = $0
      })
    while true {
      try link.flush()
      if let outcome = answer.outcome { return try outcome.get() }
      _ = try link.checkDeadlines(at: .now())
      if try wait(for: link.interest, on: link.descriptor, until: deadline, isTaking: false) { try link.receive() }
    }
  }

  /// Where the replies of a conversation land.
  private final class Answer: Sendable {
    private let state = Mutex<Call.Outcome?>(nil)
    var outcome: Call.Outcome? {
      get { state.withLock { $0 } }
      set { state.withLock { $0 = newValue } }
    }
  }
}

extension ConnectionOwner {
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
  func wait(
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
