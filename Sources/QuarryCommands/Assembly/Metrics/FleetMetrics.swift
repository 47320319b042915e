import QuarryFleet
import QuarryMetrics

/// The fleet's figures under their names; docs/contracts/CONTRACT_METRICS.md says more of each.
enum FleetMetrics {
  static func families(_ fleet: FleetFigures) -> [MetricFamily] { queue(fleet) + workers(fleet) }

  private static func queue(_ fleet: FleetFigures) -> [MetricFamily] {
    func gauge(_ name: String, _ help: String, _ value: Int) -> MetricFamily {
      MetricFamily(.gauge, "quarry_fleet_" + name, help, Double(value))
    }
    return [
      gauge("paused", "1 while nothing is handed out.", fleet.isPaused ? 1 : 0),
      gauge("partial", "1 when there are more open jobs or workers than were counted.", fleet.isPartial ? 1 : 0),
      gauge("open_jobs", "Jobs that have not finished.", fleet.openJobs),
      MetricFamily(
        .gauge, "quarry_fleet_tasks", "Tasks of open jobs by state; scheduled and leased ones of all jobs.",
        by: "state",
        [
          ("ready", Double(fleet.ready)), ("scheduled", Double(fleet.scheduled)), ("leased", Double(fleet.leased)),
          ("done", Double(fleet.done)), ("dead", Double(fleet.dead)), ("cancelled", Double(fleet.cancelled)),
        ]),
      gauge("retried", "Retries of tasks of open jobs so far.", fleet.retried),
      gauge("released", "Tasks of open jobs that were given back without a charge so far.", fleet.released),
      MetricFamily(
        .gauge, "quarry_fleet_eligible_tasks", "Ready tasks that a worker would be handed now, by lane.", by: "lane",
        fleet.lanes.map { ($0.lane.rawValue, Double($0.eligible)) }),
      gauge("gated_tasks", "Ready tasks that their host, their job or a pause holds back.", fleet.gated),
      MetricFamily(
        .gauge, "quarry_fleet_waiting_hosts", "Hosts with ready tasks that wait for their time, by lane.", by: "lane",
        fleet.lanes.map { ($0.lane.rawValue, Double($0.waitingHosts)) }),
      gauge("outbox", "Derived work that is not admitted yet.", fleet.outbox),
      gauge("unsettled", "Ended tasks whose ledger record is not written yet.", fleet.unsettled),
      gauge("unsent_notifications", "Notifications that are not sent yet.", fleet.unsentNotifications),
      gauge("waiting_submissions", "Submitted jobs that no coordinator has taken yet.", fleet.waitingSubmissions),
      gauge("rejects", "Rejected submissions that are kept.", fleet.rejectedSubmissions),
      MetricFamily(
        .gauge, "quarry_fleet_lease_overdue_seconds", "Since the first lease ended that nobody has taken back.",
        fleet.overdue.inSeconds),
    ]
  }

  private static func workers(_ fleet: FleetFigures) -> [MetricFamily] {
    [
      MetricFamily(
        .gauge, "quarry_fleet_workers", "Live workers: claiming, or idled by a pause or because they are not well.",
        by: "state",
        [("claiming", Double(fleet.workers - fleet.idledWorkers)), ("idled", Double(fleet.idledWorkers))]),
      MetricFamily(.gauge, "quarry_fleet_slots", "Runs that the live workers take at once.", Double(fleet.slots)),
      MetricFamily(
        .gauge, "quarry_fleet_heartbeat_age_seconds", "Since the worker was heard that has been silent longest.",
        fleet.longestSilence.inSeconds),
      MetricFamily(
        .gauge, "quarry_fleet_startable_tasks", "Eligible tasks that could start at once within all bounds.",
        Double(fleet.startable)),
      MetricFamily(
        .gauge, "quarry_fleet_desired_workers",
        "Workers that would have all run that can: (leased + startable) / slots of a worker, rounded up.",
        Double(fleet.desiredWorkers)),
    ]
  }
}
