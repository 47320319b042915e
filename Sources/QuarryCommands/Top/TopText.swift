import QuarryCore
import QuarryTerminal

/// The document of `quarry top` in lines.
enum TopText {
  /// All of it, one part below the other.
  static func lines(of document: Output) -> [StyledLine] {
    [StyledLine(plain: title(of: document))] + figures(of: document)
      + TopPane.allCases.flatMap { pane -> [StyledLine] in
        [[], [StyledText(text: pane.rawValue, style: .bold)]] + pane.lines(of: document, sort: nil)
      }
  }

  /// `fleet 'name'  active`
  static func title(of document: Output) -> String {
    "fleet '\(document.text("fleet"))'  \(document.text("state"))".onOneLine
  }

  /// What is counted and measured over all: workers, tasks, queue.
  static func figures(of document: Output) -> [StyledLine] {
    let slots = document.part("slots"), tasks = document.part("tasks")
    let lost = slots.count("lost")
    return [
      line(
        "workers", ["\(slots.count("up")) up"], alarm("lost", lost),
        ["\(slots.count("running")) of \(slots.count("slots")) slots busy", leader(document)]),
      line(
        "tasks", ["\(tasks.count("done")) done", "\(tasks.count("running")) running"],
        alarm("dead", tasks.count("dead")), ["\(tasks.count("retried")) retried", rate(document), timeLeft(document)]),
      line(
        "queue", queue(document), [],
        ["\(tasks.count("scheduled")) scheduled", "\(tasks.count("outbox")) to admit"]),
    ] + unwell(document)
  }

  /// Lines of their own, when there is something to say: of the coordinator, and of one worker that stands for all.
  private static func unwell(_ document: Output) -> [StyledLine] {
    let workers = document.rows("workers").filter { $0.text("state") == "up" && !$0.text("health").isEmpty }
    let others = workers.count > 1 ? " and \(workers.count - 1) more" : ""
    return [
      ("coordinator:", document.text("leader_health")),
      (workers.first.map { "\($0.text("worker_id").onOneLine)\(others):" } ?? "", workers.first?.text("health") ?? ""),
    ].filter { !$0.1.isEmpty }.map { who, health in
      let text = health.split(whereSeparator: \.isNewline).joined(separator: "; ").onOneLine
      return line("unwell", [who], [StyledText(text: text, style: Style(.red, isBold: true))], [])
    }
  }

  private static func line(
    _ name: String, _ first: [String], _ alarm: StyledLine, _ rest: [String]
  ) -> StyledLine {
    let head = StyledText(text: name + String(repeating: " ", count: max(0, 9 - name.count)), style: Style(.cyan))
    return [head] + StyledLine(plain: (first + [""]).joined(separator: "  ")) + alarm
      + StyledLine(plain: rest.filter { !$0.isEmpty }.joined(separator: "  "))
  }

  private static func alarm(_ name: String, _ count: Int) -> StyledLine {
    let style = count > 0 ? Style(.red, isBold: true) : .plain
    return [StyledText(text: "\(count) \(name)", style: style), StyledText(text: "  ")]
  }

  private static func leader(_ document: Output) -> String {
    document.text("leader").isEmpty ? "no coordinator" : "coordinator \(document.text("leader").onOneLine)"
  }

  private static func rate(_ document: Output) -> String {
    guard case .value(.double(let rate))? = document.field("per_second") else { return "" }
    return "\(rate.shortText)/s"
  }

  private static func timeLeft(_ document: Output) -> String {
    let left = document.count("time_left_ms")
    return left > 0 ? "\(Duration.milliseconds(left).shortText) left" : ""
  }

  /// `high 0  default ≥ 120 (3 hosts wait)  low 0`: at least so many where not all hosts were looked at.
  private static func queue(_ document: Output) -> [String] {
    let sign = document.field("has_more_hosts") == .value(.bool(true)) ? ">=" : ""
    return document.rows("lanes").map { lane in
      let waiting = lane.count("waiting_hosts")
      return "\(lane.text("lane")) \(sign)\(lane.count("ready"))" + (waiting > 0 ? " (\(waiting) hosts wait)" : "")
    }
  }
}

extension Output {
  func field(_ name: String) -> Output? {
    if case .record(let fields) = self { fields.first { $0.name == name }?.value } else { nil }
  }

  func part(_ name: String) -> Output { field(name) ?? .record([Field]()) }

  /// Empty for null, and for what has parts.
  func text(_ name: String) -> String { field(name).map { $0.isNull ? "" : $0.scalarText } ?? "" }

  func count(_ name: String) -> Int {
    if case .value(.integer(let count))? = field(name) { Int(count) } else { 0 }
  }

  func rows(_ name: String) -> [Output] { if case .list(let rows)? = field(name) { rows } else { [] } }
}
