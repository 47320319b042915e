import QuarryCore
import QuarryWire

/// Reads what an `enqueue` event asks for.
enum DerivedWorkReader {
  /// - Throws: `.undecodable` when the payload names no work: no target, or a member of the wrong type.
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
    func milliseconds(_ name: StaticString) throws(WireError) -> Int? {
      guard let value = try WireField(name, WireMap.value(of: name, in: map)).optionalInteger() else { return nil }
      guard value >= 0 else { throw WireError(.undecodable, "'\(name)' is negative") }
      return Int(value)
    }
    return DerivedWork.Options(
      lane: try text("lane"), delayMilliseconds: try milliseconds("delay_ms"),
      timeoutMilliseconds: try milliseconds("timeout_ms"), dedupKey: try text("dedup_key"), host: try text("host"))
  }
}
