import CPosix

/// Wakes a thread that waits in `poll`, from any other thread. Raising it again before it is cleared changes nothing.
struct WakeSignal: ~Copyable, Sendable {
  /// Polls readable while raised; negative when the process is out of descriptors, which `poll` ignores.
  let number: Int32

  init() { number = cposix_wake_open() }

  deinit { if number >= 0 { _ = Descriptor(owning: number) } }

  func raise() { cposix_wake(number) }

  func clear() { cposix_wake_clear(number) }
}

/// The clock that leases are counted on: nanoseconds since the machine started, the time it slept included.
package enum BootClock {
  package static func now() -> UInt64 { cposix_boot_time() }

  /// The instant `duration` from now; a negative duration counts as none.
  package static func after(_ duration: Duration) -> UInt64 {
    now() + UInt64(max(0, duration.milliseconds)) * 1_000_000
  }
}
