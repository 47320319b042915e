import QuarryCore
import QuarryWire

extension RunReport {
  /// Hosts of a run that are told, the last ones visited.
  private static let hostLimit = 20
  private static let refusals: Set<Int64> = [429, 403, 503]

  /// The site refused: the script says so, or the last answer it got was a refusal. One that it got over is none.
  var wasRefused: Bool { saysBlocked || Self.isRefusal(runResult?.hosts.last { $0.status != nil }) }

  private var saysBlocked: Bool {
    if case .error("blocked", _, _, _)? = terminal { return true }
    return false
  }

  private static func isRefusal(_ report: HostReport?) -> Bool {
    report?.status.map(refusals.contains) ?? false
  }

  /// What the run learned of the hosts that it visited.
  /// - Parameter isBlocked: it ended because it was refused.
  func hostNotes(isBlocked: Bool) -> [HostNote] {
    var order: [String] = []
    var reports: [String: [HostReport]] = [:]
    for report in runResult?.hosts ?? [] {
      if reports[report.host, default: []].isEmpty { order.append(report.host) }
      reports[report.host, default: []].append(report)
    }
    var notes = order.suffix(Self.hostLimit).map { Self.note(of: $0, reports[$0] ?? [], isBlocked: isBlocked) }
    if isBlocked, !notes.contains(where: \.hasRefused) { notes.append(HostNote(host: "", hasRefused: true)) }
    return notes
  }

  private static func note(of host: String, _ reports: [HostReport], isBlocked: Bool) -> HostNote {
    let last = reports.last { $0.status != nil || $0.retryAfterMilliseconds != nil }
    let hasRefused = isBlocked && isRefusal(last)
    let timed = reports.filter { hasRefused || !isRefusal($0) }.compactMap(\.milliseconds)
    return HostNote(
      host: host, hasRefused: hasRefused, hasAnswered: last?.status != nil && !isRefusal(last),
      wait: last?.retryAfterMilliseconds.map(span),
      crawlDelay: reports.last { $0.crawlDelayMilliseconds != nil }?.crawlDelayMilliseconds.map(span),
      latency: timed.isEmpty ? nil : span(timed.reduce(0) { $0 + min($1, 1 << 40) } / Int64(timed.count)))
  }

  /// Executors are not trusted with signs.
  private static func span(_ milliseconds: Int64) -> Duration { .milliseconds(max(0, min(milliseconds, 1 << 40))) }
}
