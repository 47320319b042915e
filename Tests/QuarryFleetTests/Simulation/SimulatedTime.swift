/// Time of a simulation, in ms. `boot` only runs forward; the wall clock, which is Redis', may also be set.
struct SimulatedTime: Sendable {
  private(set) var boot: Int64 = 1_000_000
  private var offset: Int64 = 2_000_000_000_000

  var wall: Int64 { boot + offset }
  /// As `WorkerState` counts.
  var bootNanoseconds: UInt64 { UInt64(boot) * 1_000_000 }

  mutating func pass(_ milliseconds: Int64) { boot += milliseconds }
  mutating func set(by milliseconds: Int64) { offset += milliseconds }
}
