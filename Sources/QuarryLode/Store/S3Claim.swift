import Dispatch
import Glibc
import QuarryCore
import S3Client
import Synchronization

/// An object that says that a name is taken. Its process writes it anew all the time: one that was not for the length of the
/// lease is a dead process', and whoever wants the name takes it over.
///
/// Text: `<random id> process <pid> on <host> since <time>`.
final class S3Claim: StoreClaim {
  private enum State {
    /// As this process last wrote it.
    case held(etag: String, renewed: ContinuousClock.Instant)
    case lost
    case released
  }

  private let store: S3Store
  private let file: String
  /// Nobody else's.
  private let id: String
  private let state: Mutex<State>
  private let end = DispatchSemaphore(value: 0)

  private init(_ store: S3Store, _ file: String, id: String, _ state: State) {
    self.store = store
    self.file = file
    self.id = id
    self.state = Mutex(state)
    OwnThread.start { self.renewUntilTheEnd() }
  }

  /// - Returns: nil when another has it.
  static func take(_ file: String, in store: S3Store) throws(FileFailure) -> S3Claim? {
    let id = UUIDv7.make()
    let found = try store.object(file)
    if found != nil, try !isOver(file, in: store) { return nil }
    let now = ContinuousClock.now
    guard let etag = try store.swap(file, text(id), was: found?.info.etag, looks: true) else { return nil }
    return S3Claim(store, file, id: id, .held(etag: etag, renewed: now))
  }

  /// Who has it, for people.
  static func holder(of file: String, in store: S3Store) throws(FileFailure) -> ClaimHolder {
    let said = String(decoding: try store.bytes(file) ?? [], as: UTF8.self).split(separator: " ")
    let now = try store.now(in: file)
    let age = now - (try store.modified(file) ?? now)
    let who = said.count > 5 && said[1] == "process" ? "process \(said[2]) on \(said[4])" : "another process"
    let seconds = max(0, age.components.seconds)
    return ClaimHolder(
      who: "\(who), which last said so \(seconds) s ago in \(file)",
      remedy:
        "should that process be dead, remove that object, or wait until \(store.claimLease.components.seconds) s after its "
        + "last word")
  }

  private static func isOver(_ file: String, in store: S3Store) throws(FileFailure) -> Bool {
    guard let modified = try store.modified(file) else { return true }
    return try store.now(in: file) - modified >= store.claimLease
  }

  private static func text(_ id: String) -> [UInt8] {
    let host = HostName.current ?? "unknown"
    return Array("\(id) process \(getpid()) on \(host) since \(Timestamp.now().text())\n".utf8)
  }

  func isHeld() throws(FileFailure) -> Bool {
    try state.withLock { state throws(FileFailure) in
      try lookWhenOver(&state)
      return if case .lost = state { false } else { true }
    }
  }

  func release() {
    let isOurs = state.withLock { state in
      defer { state = .released }
      do throws(FileFailure) { try lookWhenOver(&state) } catch {
        // Whoever wants it takes it over: its lease has ended.
        return false
      }
      return if case .held = state { true } else { false }
    }
    end.signal()
    if isOurs { store.discard(file) }
  }

  private func renewUntilTheEnd() {
    let pause = max(store.claimLease / 5, .seconds(1))
    while end.wait(timeout: .now() + .milliseconds(Int(pause.milliseconds))) == .timedOut {
      let goesOn = state.withLock { state in
        do throws(FileFailure) { try renew(&state) } catch {
          // It is asked again, and once the lease has ended before anything is written.
        }
        return if case .held = state { true } else { false }
      }
      guard goesOn else { return }
    }
  }

  /// Once the lease has ended the name may be another's.
  private func lookWhenOver(_ state: inout State) throws(FileFailure) {
    guard case .held(_, let renewed) = state, ContinuousClock.now - renewed >= store.claimLease else { return }
    try renew(&state)
  }

  /// One that is gone is lost: another may have had it, stored its run and ended, or a person gave the name free.
  private func renew(_ state: inout State) throws(FileFailure) {
    guard case .held(let etag, _) = state else { return }
    let now = ContinuousClock.now
    var renewed = try store.swap(file, Self.text(id), was: etag)
    // Its own, of which the answer was lost.
    if renewed == nil, let found = try store.object(file), found.bytes.starts(with: id.utf8) {
      renewed = try store.swap(file, Self.text(id), was: found.info.etag)
    }
    state = renewed.map { .held(etag: $0, renewed: now) } ?? .lost
  }
}
