import QuarryCore

/// What a fleet needs from somebody: admission, reaping, settling what dead workers left, notifications. The leading
/// coordinator does it, or the workers while there is none; done twice at once it changes nothing.
struct SharedDuties: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let ledgerSettler: Settler
  let leadership: Leadership
  let clock: FleetClock
  /// Between two ticks of the reaper, and between two looks at who leads.
  let interval: Duration
  /// How old an unrecorded end must be before somebody else records it.
  let patience: Duration
  let publish: PublishNotifications
  let onPublish: @Sendable (PublishChange) -> Void

  /// Runs until cancelled; each duty rests while this process has no right to act.
  func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await admitter.run() }
      group.addTask { await reaper.run() }
      group.addTask { await publisher.run() }
    }
  }

  private var admitter: Admitter {
    Admitter(queue: queue, caller: caller, leadership: leadership, clock: clock, interval: interval)
  }

  private var reaper: Reaper {
    Reaper(
      queue: queue, caller: caller, leadership: leadership, settler: ledgerSettler, clock: clock, interval: interval,
      patience: patience)
  }

  private var publisher: NotificationPublisher {
    NotificationPublisher(
      queue: queue, caller: caller, leadership: leadership, clock: clock, interval: interval, publish: publish,
      watch: PublishWatch(onChange: onPublish))
  }
}
