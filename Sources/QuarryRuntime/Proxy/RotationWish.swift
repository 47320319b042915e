import QuarryWire

/// A `rotate_proxy` event, as the next choice of a proxy sees it, whatever the policy does with the event.
package struct RotationWish: Sendable, Equatable {
  package let reason: String?

  package init(reason: String?) { self.reason = reason }

  /// A reason that cannot be read is none: the wish is what counts.
  init(_ payload: UnsafeRawBufferPointer) {
    // A wish without a reason that can be read is a wish all the same.
    reason = try? WireField("reason", WireMap.value(of: "reason", in: payload)).optionalText()?.string
  }
}
