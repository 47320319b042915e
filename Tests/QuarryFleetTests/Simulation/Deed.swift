import QuarryCore
import QuarryFleet

/// What one step asked of Redis, as far as it decides what may change by it.
enum Deed {
  case nothing
  case submit
  case admit
  case claim(worker: String)
  case started
  case complete(worker: String, accepted: Set<String>, refused: Set<String>)
  case fail(worker: String, run: String, TaskResult.FailureKind)
  case renew(worker: String, named: Set<String>, age: Int64)
  case join(worker: String)
  case reap
  case settle(tasks: Set<String>)
  case cancel(job: String?, task: String?)
}
