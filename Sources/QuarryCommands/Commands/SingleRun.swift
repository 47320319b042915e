import Glibc
import QuarryCore
import QuarryLode
import QuarryRuntime
import Synchronization

/// `quarry run` without fan-out.
struct SingleRun {
  let settings: RunSettings
  let assembly: RunAssembly
  let narration: RunNarration
  let headStart: ExecutorHeadStart?

  /// - Throws: `QuarryError` when the run could not begin; then nothing was written.
  func run() async throws(QuarryError) -> RunReport {
    let control = RunControl()
    let stored = Mutex<RunReport?>(nil)
    try SignalWatch.start { _, count in
      let report = stored.withLock { $0 }
      guard count == 1 || count == 2 && report != nil else {
        _exit(report?.exitCode ?? Outcome.executorCrash.exitCode)
      }
      control.stop(.shutdown)
      StopLimit.start(settings, narration, isAtOnce: count == 2) {
        stored.withLock { $0 }.map { ($0.exitCode, $0) }
      }
    }
    let proxy = try assembly.proxies.choose(job: settings.job)
    // Held to the end of the run: a shared browser stays as long as somebody uses it.
    let browser = try await RunBrowser.find(
      settings.executor, executor: assembly.executor, script: settings.script, proxy: proxy?.name, narration.console)
    defer { withExtendedLifetime(browser) {} }
    let run = try assembly.run(
      settings.identity, source: settings.source, category: settings.category, script: settings.script,
      job: settings.job, derived: nil, executors: headStart?.executors(of: assembly.executor),
      browserEndpoint: browser.endpoint, proxy: proxy, observer: narration.observer)
    let report = try await run.run(control: control) { report in stored.withLock { $0 = report } }
    assembly.proxies.heed(report)
    return report
  }
}

/// How long a stopped run may take to flush and end.
enum StopLimit {
  /// - Parameters:
  ///   - isAtOnce: the time is over: others are told no more, and the process leaves its last words.
  ///   - stored: asked at the end of that time: the exit code and the root's report when all is in storage and others are
  ///     still being told; else nil.
  static func start(
    _ settings: RunSettings, _ narration: RunNarration, isAtOnce: Bool = false,
    stored: @escaping @Sendable () -> (exitCode: Int32, report: RunReport)?
  ) {
    let console = narration.console
    Deadline.endProcess(after: isAtOnce ? .zero : .milliseconds(4_800), console: console) {
      guard let (exitCode, report) = stored() else {
        return (Outcome.executorCrash.exitCode, "not stopped within 5s; what was not yet in storage is lost")
      }
      narration.tellEnd(of: report, storage: settings.storage)
      ReportFile.write(report.jsonText, to: settings.reportPath, console)
      let waiting = settings.adapter?.keepsPending == true ? "; it waits in the outbox for `quarry adapter drain`" : ""
      let reason = isAtOnce ? "" : " took too long and"
      return (exitCode, "all is in storage; telling others\(reason) was cut short\(waiting)")
    }
  }
}
