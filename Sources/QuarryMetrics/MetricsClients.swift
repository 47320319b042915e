import CLinux
import Glibc

/// All connections of a server; when there is no room for one more, the oldest goes. Belongs to the server's thread.
final class MetricsClients {
  private static let most = 64
  /// Nobody is waited for longer, in nanoseconds.
  private let patience: UInt64
  private var clients: [MetricsClient] = []

  init(patience: UInt64) { self.patience = patience }

  var isEmpty: Bool { clients.isEmpty }
  var awaitMetrics: Bool { clients.contains { $0.awaitsMetrics != nil } }

  func appendPolls(to polls: inout [pollfd]) {
    for client in clients { polls.append(pollfd(fd: client.descriptor, events: client.interest, revents: 0)) }
  }

  /// - Parameter polls: as `appendPolls` made them, of the same connections.
  func proceed(_ polls: ArraySlice<pollfd>, _ server: MetricsServer) {
    for (client, poll) in zip(clients, polls) where poll.revents != 0 {
      switch client.proceed(poll.revents) {
      case .metrics(let isHead)?: client.collect(isHead: isHead)
      case .health(let isHead)?:
        let (status, body) = server.healthResponse
        client.answer(MetricsResponse(status: status, body: body, isHead: isHead))
      case .refused(let status)?: client.answer(.refusal(status))
      case nil: break
      }
    }
    clients.removeAll(where: \.isOver)
  }

  func deliver(_ text: String) {
    for client in clients {
      guard let isHead = client.awaitsMetrics else { continue }
      client.answer(MetricsResponse(status: 200, body: text, type: Exposition.contentType, isHead: isHead))
    }
  }

  func dropLate(_ now: UInt64) { clients.removeAll { $0.deadline <= now } }

  /// - Returns: false when the system has no descriptor left.
  func accept(from listener: Int32) -> Bool {
    while true {
      let descriptor = accept4(listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
      guard descriptor >= 0 else { return ![EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) }
      if clients.count >= Self.most { clients.removeFirst() }
      clients.append(MetricsClient(descriptor, deadline: MetricsLoop.monotonic() + patience))
    }
  }
}
