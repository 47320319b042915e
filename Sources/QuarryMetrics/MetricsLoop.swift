import Glibc

/// The server's one thread: who is slow or rude costs the others nothing, and is dropped in the end.
enum MetricsLoop {
  static func run(_ listener: MetricsListener, wakeDescriptor: Int32, server: MetricsServer) {
    let clients = MetricsClients(patience: server.patience)
    var isCollecting = false
    // When no descriptor is left for one who comes, others may go first.
    var acceptsFrom: UInt64 = 0
    while !server.isStopped {
      let now = monotonic()
      clients.dropLate(now)
      let accepts = now >= acceptsFrom
      var polls = [
        pollfd(fd: accepts ? listener.descriptor : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0),
      ]
      clients.appendPolls(to: &polls)
      poll(&polls, nfds_t(polls.count), clients.isEmpty && accepts ? -1 : 250)
      clients.proceed(polls[2...], server)
      if polls[1].revents != 0, let text = server.takeText() {
        clients.deliver(text)
        isCollecting = false
      }
      if polls[0].revents != 0, !clients.accept(from: listener.descriptor) { acceptsFrom = monotonic() + 1_000_000_000 }
      if !isCollecting, clients.awaitMetrics {
        isCollecting = true
        server.startCollecting()
      }
    }
  }

  static func monotonic() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
