import QuarryCore
import RedisClient

// Calls that block in Redis, each kind on a connection of its own. They return early when there is something, and
// after the given time at the latest.

extension FleetQueue {
  /// Waits until work is left behind that the worker which joined through this queue may claim.
  package func waitForWork(upTo limit: Duration) async throws(QuarryError) {
    try await pop(keys.workerWake(links.storage.withLock { $0 }), duty: "work", upTo: limit)
  }

  /// Waits until the outbox has something.
  package func waitForOutbox(upTo limit: Duration) async throws(QuarryError) {
    try await pop(keys.admitterWake, duty: "admit", upTo: limit)
  }

  /// Waits until a submission waits, and leaves it where it is: the list's first element is moved to its own place.
  func waitForSubmissions(upTo limit: Duration) async throws(QuarryError) {
    let list = RedisArgument.text(keys.submissions)
    _ = try await block(
      ["BLMOVE", list, list, "LEFT", "LEFT", .text(limit.secondsText)], duty: "submissions", upTo: limit)
  }

  private func pop(_ key: String, duty: String, upTo limit: Duration) async throws(QuarryError) {
    guard limit > .zero else { return }
    _ = try await block(["BLPOP", .text(key), .text(limit.secondsText)], duty: duty, upTo: limit)
  }

  /// Notifications to send; each is given again when it is not acknowledged within `again`.
  package func notifications(
    limit: Int, upTo wait: Duration, again: Duration = .seconds(30)
  ) async throws(QuarryError) -> [Notification] {
    let count = RedisArgument.integer(Int64(limit))
    let claimed = try await askPublishers(
      [
        "XAUTOCLAIM", .text(keys.notifications), "publishers", "publisher", .integer(again.milliseconds), "0", "COUNT",
        count,
      ], upTo: .zero)
    let left = Self.notifications(claimed[1])
    if !left.isEmpty { return left }
    let read = try await askPublishers(
      [
        "XREADGROUP", "GROUP", "publishers", "publisher", "COUNT", count, "BLOCK", .integer(max(1, wait.milliseconds)),
        "STREAMS", .text(keys.notifications), ">",
      ], upTo: wait)
    return Self.notifications(read[0]?[1])
  }

  /// Has the stream and its group made anew where somebody has taken them away: that alone is no fleet that was lost.
  private func askPublishers(
    _ command: RedisCommand, upTo limit: Duration
  ) async throws(QuarryError) -> RedisReply {
    try await answer("publish") { () async throws(RedisError) in
      do throws(RedisError) { return try await wait(command, duty: "publish", upTo: limit) } catch {
        guard error.code == "NOGROUP" || error.code == "WRONGTYPE" else { throw error }
      }
      _ = try await send(self.command(.acknowledge, [], requestID: "", actor: nil), within: nil)
      return try await wait(command, duty: "publish", upTo: limit)
    }
  }

  private static func notifications(_ entries: RedisReply?) -> [Notification] {
    (entries?.elements ?? []).compactMap { entry in
      guard let id = entry[0]?.text, let fields = entry[1]?.fields, let job = fields["job"]?.text,
        let json = fields["json"]?.text
      else { return nil }
      return Notification(id: id, jobID: job, json: json)
    }
  }

  /// Events after the one of this id, oldest first; none when nothing came in time. The stream is capped: a reader that
  /// is far behind misses the oldest.
  package func events(after id: String, upTo wait: Duration) async throws(QuarryError) -> [FleetEvent] {
    let read = try await block(
      [
        "XREAD", "COUNT", "1000", "BLOCK", .integer(max(1, wait.milliseconds)), "STREAMS", .text(keys.events),
        .text(id),
      ],
      duty: "events", upTo: wait)
    return Self.events(read[0]?[1])
  }

  /// The same, at once.
  package func events(after id: String, limit: Int) async throws(QuarryError) -> [FleetEvent] {
    try await range(["XRANGE", .text(keys.events), .text("(" + id), "+", "COUNT", .integer(Int64(limit))])
  }

  package func oldestEvent() async throws(QuarryError) -> FleetEvent? {
    try await range(["XRANGE", .text(keys.events), "-", "+", "COUNT", "1"]).first
  }

  /// The newest event first.
  package func newestEvents(limit: Int) async throws(QuarryError) -> [FleetEvent] {
    try await range(["XREVRANGE", .text(keys.events), "+", "-", "COUNT", .integer(Int64(limit))])
  }

  private func range(_ command: RedisCommand) async throws(QuarryError) -> [FleetEvent] {
    Self.events(
      try await answer("events") { () async throws(RedisError) in
        try await links.calls.send(command, repeatable: true)
      })
  }

  /// Id of the newest event, to read on from.
  package func lastEventID() async throws(QuarryError) -> String { try await newestEvents(limit: 1).first?.id ?? "0-0" }

  private static func events(_ entries: RedisReply?) -> [FleetEvent] {
    (entries?.elements ?? []).compactMap { entry in
      guard let id = entry[0]?.text, let fields = entry[1]?.fields, let type = fields["type"]?.text else { return nil }
      return FleetEvent(id: id, type: type, fields: fields.compactMapValues(\.text))
    }
  }

  private func block(
    _ command: RedisCommand, duty: String, upTo limit: Duration
  ) async throws(QuarryError) -> RedisReply {
    try await answer(duty) { () async throws(RedisError) in try await wait(command, duty: duty, upTo: limit) }
  }

  /// Cancelling the calling task ends the wait: the connection is given up, since Redis cannot be told otherwise.
  private func wait(
    _ command: RedisCommand, duty: String, upTo limit: Duration
  ) async throws(RedisError) -> RedisReply {
    let link = links.blocking(duty)
    let result = await withTaskCancellationHandler {
      do throws(RedisError) {
        return Result<RedisReply, RedisError>.success(try await link.send(command, timeout: limit + .seconds(5)))
      } catch { return .failure(error) }
    } onCancel: {
      links.drop(duty)
    }
    return try result.get()
  }
}

extension Duration {
  /// Seconds with three digits after the point, as blocking pops take them; at least a millisecond, since 0 is for ever.
  fileprivate var secondsText: String {
    let whole = max(1, milliseconds)
    let digits = String(whole % 1_000)
    return "\(whole / 1_000)." + String(repeating: "0", count: 3 - digits.count) + digits
  }
}
