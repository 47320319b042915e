import QuarryCore

/// A derived piece of work as it lies in the outbox and beside its run: one JSON object.
enum Emission {
  /// - Parameter parent: the task that derives it.
  static func encode(_ work: DerivedWork, job: String, under parent: String) throws(QuarryError) -> String {
    let params = try FleetQueue.canonical(work.params)
    let fingerprint = WorkIdentity.fingerprint(
      target: work.target, params: params.canonicalText, dedupKey: work.options.dedupKey)
    let host = work.options.host.map(WorkHost.normalise) ?? WorkHost.of(params: params)
    let lane = work.options.lane.flatMap(Lane.init(rawValue:)) ?? .default
    var out: [UInt8] = [UInt8(ascii: "{")]
    // Of the task that it becomes if it is admitted.
    JSONText.appendMember("task_id", WorkIdentity.taskID(of: fingerprint, job: job, under: parent), to: &out)
    JSONText.appendMember("index", Int64(work.index), to: &out)
    JSONText.appendMember("target", work.target, to: &out)
    // A text, so that what Redis decodes on the way keeps every number and every empty list as it is.
    JSONText.appendMember("params", work.params, to: &out)
    JSONText.appendMember("source", work.source, to: &out)
    JSONText.appendMember("category", work.category, to: &out)
    JSONText.appendMember("lane", lane.rawValue, to: &out)
    JSONText.appendMember("host", host, to: &out)
    append("delay_ms", work.options.delayMilliseconds?.within(DerivedWork.Options.delays), to: &out)
    append("timeout_ms", work.options.timeoutMilliseconds?.within(DerivedWork.Options.timeouts), to: &out)
    JSONText.appendMember("fingerprint", fingerprint, to: &out)
    JSONText.appendMember("dedup_key", work.options.dedupKey, to: &out)
    JSONText.appendMember("given_lane", work.options.lane, to: &out)
    JSONText.appendMember("given_host", work.options.host, to: &out)
    out.append(UInt8(ascii: "}"))
    return String(decoding: out, as: UTF8.self)
  }

  /// The work as its ledger record names it.
  /// - Returns: nil for a text that `encode` never made.
  static func decode(_ text: String) -> WorkRecord? {
    guard let value = try? JSONParser.parse(text), let target = value["target"]?.string,
      let params = value["params"]?.string
    else { return nil }
    return WorkRecord(
      index: value["index"]?.integer.map { Int($0) }, target: target, params: params, source: value["source"]?.string,
      category: value["category"]?.string,
      options: DerivedWork.Options(
        lane: value["given_lane"]?.string, delayMilliseconds: value["delay_ms"]?.integer.map { Int($0) },
        timeoutMilliseconds: value["timeout_ms"]?.integer.map { Int($0) }, dedupKey: value["dedup_key"]?.string,
        host: value["given_host"]?.string))
  }

  private static func append(_ name: StaticString, _ value: Int?, to out: inout [UInt8]) {
    if let value { JSONText.appendMember(name, Int64(value), to: &out) }
  }
}

extension Int {
  fileprivate func within(_ range: ClosedRange<Int>) -> Int {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}
