import Glibc
import QuarryCore

/// One browser that the single runs of a user share, whichever processes they belong to. It outlives them and ends
/// itself when nobody has used it for `QUARRY_BROWSER_IDLE_TIMEOUT` seconds.
package struct SharedBrowser: Sendable {
  private let program: ExecutorProgram
  private let proxyHash: String
  private let settingsHash: String

  private static let startLimit = Duration.seconds(20)
  /// More than another process needs for both.
  private static let lockLimit = Duration.seconds(30)

  /// What the browser takes from the environment: a run with other values shall not get it.
  private static let environment = [
    "QUARRY_CHROMIUM", "QUARRY_DRIVER", "QUARRY_NODE", "QUARRY_NO_SANDBOX", "QUARRY_STEALTH", "DISPLAY", "LANG",
    "LANGUAGE", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY",
    "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
  ]

  /// - Parameters:
  ///   - program: `quarry-browser` with its environment.
  ///   - proxy: what tells the run's proxy from others, without its password; nil for none.
  package init(program: ExecutorProgram, proxy: String?) {
    self.program = program
    proxyHash = proxy.map { Fingerprint.ofContent(Array($0.utf8)) } ?? ""
    let values = Self.environment.map { "\($0)=\(program.environment[$0] ?? "")" }
    let settings = [Version.current, realPath(program.path) ?? program.path] + values
    settingsHash = Fingerprint.ofContent(Array(settings.joined(separator: "\0").utf8))
  }

  /// Finds the shared browser or starts it. Blocks the calling thread; of those who call at the same time, one starts.
  /// - Parameter answerLimit: how long a living broker may take to answer before another takes its place.
  /// - Returns: nil when the one that runs has another proxy or other settings; it is left to those who use it.
  /// - Throws: `QuarryError(.executor)` when there is no place to share it, or it does not start.
  package func use(answerLimit: Duration = .seconds(5)) throws(QuarryError) -> SharedBrowserUse? {
    let folder = BrowserFolder(environment: program.environment)
    try folder.prepare()
    let lock = try folder.lock(until: BootClock.after(Self.lockLimit))
    defer { withExtendedLifetime(lock.number) {} }
    if let found = BrowserRecord.living(at: folder.record) {
      guard found.proxyHash == proxyHash, found.settingsHash == settingsHash else { return nil }
      // One that lives and does not answer hangs: it is left alone, and forgotten.
      if let use = try? SharedBrowserUse(of: found.endpoint, within: answerLimit) { return use }
    }
    return try start(in: folder)
  }

  private func start(in folder: BrowserFolder) throws(QuarryError) -> SharedBrowserUse {
    // What a starter that was killed has left may be locked by the broker it started.
    unlink(folder.draft)
    let draft = Descriptor(owning: open(folder.draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600))
    guard draft.number >= 0, flock(draft.number, LOCK_EX | LOCK_NB) == 0 else { throw folder.failure(errorText(errno)) }
    let launch = SharedBrokerLaunch(program: program)
    let (endpoint, pid) = try launch.run(presence: draft.number, until: BootClock.after(Self.startLimit))
    let use = try SharedBrowserUse(of: endpoint, within: Self.startLimit)
    let record = BrowserRecord(
      endpoint: endpoint, pid: pid, proxyHash: proxyHash, settingsHash: settingsHash,
      startedAt: Timestamp.now().text())
    let text = Array(record.jsonText.utf8)
    guard write(draft.number, text, text.count) == text.count, rename(folder.draft, folder.record) == 0 else {
      throw folder.failure(errorText(errno))
    }
    return use
  }
}

/// The use of the shared browser by this process: while it lasts, the browser does not end itself.
package final class SharedBrowserUse: Sendable {
  /// `ws://127.0.0.1:PORT/SECRET`
  package let endpoint: String
  private let connection: Descriptor

  /// - Throws: `QuarryError(.executor)` when the broker does not answer, or not as one that knows the secret.
  init(of endpoint: String, within limit: Duration) throws(QuarryError) {
    let address = try BrowserAddress(endpoint)
    do throws(BrowserConnection.Failure) {
      let connection = try BrowserConnection(address, deadline: BootClock.after(limit))
      let head = try connection.get(address.target + "/use", of: address)
      guard head[0].hasPrefix("HTTP/1.1 200") else {
        throw BrowserConnection.Failure(reason: "it is no broker of this program")
      }
      self.connection = connection.takeDescriptor()
    } catch {
      throw QuarryError(.executor, "the shared browser does not answer: \(error.reason)")
    }
    self.endpoint = endpoint
  }
}
