import Glibc

extension ConnectionOwner {
  /// A socket and, where it is wanted, TLS to the server that is the right one now; nobody is logged in.
  func connect() throws(RedisError) -> Link {
    switch endpoint.address {
    case .unix(let path):
      server = nil
      let deadline = Monotonic.now() + options.connectTimeout
      return try link { () throws(Socket.Failure) in
        try reach([try Socket.unixTarget(path)], host: "", until: deadline)
      }
    case .servers(let servers): return try connect(toOneOf: whereabouts.current.map { [$0] } ?? inTurn(servers))
    case .sentinels(let sentinels): return try connect(toOneOf: [try primary(of: sentinels)])
    }
  }

  /// All of them, beginning with another one each time that something failed.
  func inTurn(_ servers: [RedisEndpoint.Server]) -> [RedisEndpoint.Server] {
    let first = turn % servers.count
    return Array(servers[first...] + servers[..<first])
  }

  private func connect(toOneOf servers: [RedisEndpoint.Server]) throws(RedisError) -> Link {
    var failure = unreachable("no address was found")
    for candidate in servers {
      server = candidate
      do throws(RedisError) { return try reach(candidate, within: options.connectTimeout / servers.count) } catch {
        if let reason = mailbox.closedBecause { throw reason }
        failure = error
      }
    }
    throw failure
  }

  /// A link to one server.
  func reach(_ server: RedisEndpoint.Server, within limit: Duration) throws(RedisError) -> Link {
    let deadline = Monotonic.now() + limit
    // One of several, or one that others have named, is said.
    let name = endpoint.address == .servers([server]) ? "" : "\(server): "
    return try link(named: name) { () throws(Socket.Failure) in
      try reach(try lookUp(server, until: deadline), host: server.host, until: deadline)
    }
  }

  private func link(
    named name: String = "", _ channel: () throws(Socket.Failure) -> Channel
  ) throws(RedisError) -> Link {
    do throws(Socket.Failure) { return Link(try channel(), endpoint: endpoint, onPush: onPush) } catch {
      if let reason = mailbox.closedBecause { throw reason }
      let reason = name + error.reason
      throw error.isTLS ? .tls(reason, endpoint: endpoint) : unreachable(reason)
    }
  }

  private func reach(
    _ targets: [Socket.Target], host: String, until deadline: Monotonic
  ) throws(Socket.Failure) -> Channel {
    var failure = Socket.Failure(reason: "no address was found")
    for target in targets {
      do throws(Socket.Failure) { return try attempt(target, host: host, until: deadline) } catch { failure = error }
    }
    throw failure
  }

  private func attempt(
    _ target: Socket.Target, host: String, until deadline: Monotonic
  ) throws(Socket.Failure) -> Channel {
    let socket = try Socket(target)
    try untilReady(Int16(POLLOUT), on: socket.descriptor, until: deadline)
    try socket.finish(isTCP: target.family != AF_UNIX)
    let session: TLSSession? = if let tls = endpoint.tls { try TLSSession(tls, host: host) } else { nil }
    let channel = Channel(socket, tls: session)
    while !(try channel.shakeHands()) {
      let events = channel.interest(hasOutput: false)
      try untilReady(
        events, on: channel.descriptor, until: deadline, or: "no TLS handshake in time; is it spoken there?")
    }
    return channel
  }

  /// Returns when the event is there.
  private func untilReady(
    _ events: Int16, on descriptor: Int32, until deadline: Monotonic, or lateness: String = "no answer in time"
  ) throws(Socket.Failure) {
    while !(try sleep(for: events, on: descriptor, until: deadline)) {
      guard Monotonic.now() < deadline else { throw Socket.Failure(reason: lateness) }
    }
  }

  /// The addresses of a server. A name is looked up on a thread of its own, since nothing bounds how long that takes.
  private func lookUp(
    _ server: RedisEndpoint.Server, until deadline: Monotonic
  ) throws(Socket.Failure) -> [Socket.Target] {
    // What is no number is a name, which is looked up.
    if let targets = try? Socket.targets(of: server, isNumeric: true) { return targets }
    let lookup = Lookup(server, mailbox)
    while true {
      if let result = lookup.result { return try result.get() }
      guard Monotonic.now() < deadline else {
        throw Socket.Failure(reason: "the name \(server.host) could not be looked up in time")
      }
      _ = try sleep(for: 0, on: -1, until: deadline)
    }
  }

  private func sleep(
    for events: Int16, on descriptor: Int32, until deadline: Monotonic
  ) throws(Socket.Failure) -> Bool {
    do throws(RedisError) { return try wait(for: events, on: descriptor, until: deadline, isTaking: false) } catch {
      // Whoever catches it asks the mailbox for the real reason.
      throw Socket.Failure(reason: error.message)
    }
  }

  func unreachable(_ reason: String) -> RedisError {
    RedisError(
      .unreachable, endpoint: endpoint.description, "cannot reach Redis at \(endpoint): \(reason)",
      remedy: "check that a Redis server runs there and that the address is right")
  }
}
