import QuarryCore
import QuarryWire

/// Reads what an `enqueue` event asks for.
enum DerivedWorkReader {
  /// - Throws: `.undecodable` when the payload names no work: no target, or a member of the wrong type or out of range.
  static func work(index: Int, from payload: UnsafeRawBufferPointer) throws(WireError) -> DerivedWork {
    func text(_ name: StaticString) throws(WireError) -> String? {
      try WireField(name, WireMap.value(of: name, in: payload)).optionalText()?.string
    }
    guard let target = try text("target"), !target.isEmpty else { throw WireError(.undecodable, "'target' is empty") }
    var params = "{}"
    if let map = try WireField("params", WireMap.value(of: "params", in: payload)).optionalMap() {
      params = try TerminalEvent.json(map)
    }
    return DerivedWork(
      index: index, target: target, params: params, source: try text("source"), category: try text("category"),
      options: try options(from: payload))
  }

  private static func options(from payload: UnsafeRawBufferPointer) throws(WireError) -> DerivedWork.Options {
    guard let map = try WireField("options", WireMap.value(of: "options", in: payload)).optionalMap() else {
      return DerivedWork.Options()
    }
    func text(_ name: StaticString) throws(WireError) -> String? {
      try WireField(name, WireMap.value(of: name, in: map)).optionalText()?.string
    }
    func milliseconds(_ name: StaticString, _ range: ClosedRange<Int>) throws(WireError) -> Int? {
      guard let value = try WireField(name, WireMap.value(of: name, in: map)).optionalNumber() else { return nil }
      guard let whole = Int(exactly: value.rounded()), range.contains(whole) else {
        throw WireError(.undecodable, "'\(name)' is not between \(range.lowerBound) and \(range.upperBound)")
      }
      return whole
    }
    return DerivedWork.Options(
      lane: try text("lane"), delayMilliseconds: try milliseconds("delay_ms", DerivedWork.Options.delays),
      timeoutMilliseconds: try milliseconds("timeout_ms", DerivedWork.Options.timeouts),
      dedupKey: try text("dedup_key"), host: try text("host"))
  }
}
