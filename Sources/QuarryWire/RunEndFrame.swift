/// An executor that serves many runs says with it that one is over, and that it is ready for the next.
package struct RunEndFrame: Sendable, Equatable {
  /// What the exit code of an executor would be that ran nothing else.
  package let code: Int32
  /// The executor's own process.
  package let processID: Int32
  package let hadBrowser: Bool
  /// What the run left in the process, in words; then it should serve no other.
  package let leftBehind: String?

  init(_ payload: UnsafeRawBufferPointer) throws(WireError) {
    func number(_ name: StaticString) throws(WireError) -> Int32 {
      guard let value = Int32(exactly: try WireField(name, WireMap.value(of: name, in: payload)).integer()) else {
        throw WireError(.undecodable, "'\(name)' is out of range")
      }
      return value
    }
    code = try number("code")
    processID = try number("pid")
    hadBrowser = try WireField("had_browser", WireMap.value(of: "had_browser", in: payload)).bool()
    leftBehind = try WireField("left_behind", WireMap.value(of: "left_behind", in: payload)).optionalText()?.string
  }
}
