import QuarryCore
import RedisClient

/// The transitions and views, each a file under `Lua/` that says its keys, arguments, replies and invariants.
package struct Script: Sendable {
  package let name: String
  package let script: RedisScript

  /// The file with the parts before it that it uses; the text is fixed, so that its hash names it.
  private init(_ name: String, _ file: [UInt8], _ parts: [[UInt8]]) {
    self.name = name
    let text = (parts + [file]).map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    script = RedisScript(text)
  }

  /// Text of the part that makes the names of keys, so that a test can hold it against `Keys`.
  package static let keyNames = String(decoding: PackageResources._keys_lua, as: UTF8.self)

  private static let base = [PackageResources._keys_lua, PackageResources._prelude_lua]
  private static let tasks = base + [PackageResources._gates_lua, PackageResources._tasks_lua]
  private static let ends = tasks + [PackageResources._ends_lua]
  private static let runs = ends + [PackageResources._reports_lua]
  private static let notifications = [PackageResources._notifications_lua]
  private static let controls = ends + [PackageResources._control_lua]

  static let found = Script("found", PackageResources.found_lua, [PackageResources._keys_lua])
  static let submit = Script("submit", PackageResources.submit_lua, tasks + [PackageResources._create_lua])
  static let name = Script("name", PackageResources.name_lua, base)
  static let reject = Script("reject", PackageResources.reject_lua, base)
  static let restore = Script(
    "restore", PackageResources.restore_lua,
    controls + [PackageResources._create_lua, PackageResources._retention_lua, PackageResources._restore_lua])
  static let emit = Script("emit", PackageResources.emit_lua, ends)
  static let admit = Script("admit", PackageResources.admit_lua, ends + [PackageResources._create_lua])
  static let claim = Script("claim", PackageResources.claim_lua, tasks)
  static let started = Script("started", PackageResources.started_lua, ends)
  static let renew = Script("renew", PackageResources.renew_lua, ends)
  static let complete = Script("complete", PackageResources.complete_lua, runs)
  static let fail = Script("fail", PackageResources.fail_lua, runs)
  static let reap = Script("reap", PackageResources.reap_lua, controls + [PackageResources._retention_lua])
  static let settle = Script("settle", PackageResources.settle_lua, controls + notifications)
  static let control = Script(
    "control", PackageResources.control_lua, controls + [PackageResources._views_lua])
  static let unsettled = Script("unsettled", PackageResources.unsettled_lua, ends)
  static let acknowledge = Script("acknowledge", PackageResources.acknowledge_lua, ends + notifications)
  static let term = Script("term", PackageResources.term_lua, base)
  static let join = Script("join", PackageResources.join_lua, ends + [PackageResources._retention_lua])
  static let health = Script("health", PackageResources.health_lua, base)
  static let refuse = Script("refuse", PackageResources.refuse_lua, tasks)
  static let vouch = Script("vouch", PackageResources.vouch_lua, base)
  static let proxyChoose = Script("proxy_choose", PackageResources.proxy_choose_lua, base)
  static let proxyCool = Script("proxy_cool", PackageResources.proxy_cool_lua, base)
  static let viewProxy = Script("view_proxy", PackageResources.view_proxy_lua, base)
  private static let views = tasks + [PackageResources._views_lua]
  static let viewJob = Script("view_job", PackageResources.view_job_lua, views)
  static let viewJobs = Script("view_jobs", PackageResources.view_jobs_lua, views)
  static let viewTask = Script("view_task", PackageResources.view_task_lua, views)
  static let viewTasks = Script("view_tasks", PackageResources.view_tasks_lua, views)
  static let viewWorkers = Script("view_workers", PackageResources.view_workers_lua, views)
  static let viewWorker = Script("view_worker", PackageResources.view_worker_lua, views)
  static let viewQueue = Script("view_queue", PackageResources.view_queue_lua, views)
  static let viewFleet = Script("view_fleet", PackageResources.view_fleet_lua, base)
  static let censusTasks = Script("census_tasks", PackageResources.census_tasks_lua, base)
  static let censusList = Script("census_list", PackageResources.census_list_lua, tasks)
  static let censusKeys = Script("census_keys", PackageResources.census_keys_lua, base)
  static let censusJob = Script("census_job", PackageResources.census_job_lua, base)
  static let viewMetrics = Script("view_metrics", PackageResources.view_metrics_lua, tasks)

  /// All of them: what a test may vary.
  package static let all = [
    found, submit, name, reject, restore, emit, admit, claim, started, renew, complete, fail, reap, settle, control,
    unsettled, acknowledge, term, join, health, refuse, vouch, proxyChoose, proxyCool, viewProxy, viewJob, viewJobs,
    viewTask, viewTasks, viewWorkers, viewWorker, viewQueue, viewFleet, censusTasks, censusList, censusKeys, censusJob,
    viewMetrics,
  ]
}
