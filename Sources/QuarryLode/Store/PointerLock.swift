import Dispatch
import Glibc
import QuarryCore
import Synchronization

/// The lock on `latest.lock` that every writer of a dataset holds from reading the head to moving the pointer.
///
/// Who finds it taken waits in the kernel, in the order of arrival: nobody starves, and it is never free while somebody
/// waits. `flock` knows no deadline, so that a thread of its own waits there. One that was given up goes on waiting, and
/// gives the lock back as soon as it has it, or to whoever asks for it by then.
final class PointerLock: Sendable {
  private struct Wait {
    var goesOn = false
    var isWanted = false
    var result: Result<Void, FileFailure>?
  }

  let lockFile: Int32
  let path: String
  private let wait = Mutex(Wait())
  private let ended = DispatchSemaphore(value: 0)

  /// Makes the dataset's folder where it is missing.
  init(layout: DatasetLayout, files: FileSystem) throws(FileFailure) {
    path = layout.lock
    try files.makeFolders(layout.folder, below: layout.root)
    lockFile = try files.openForLocking(layout.lock)
  }

  /// False when the file was removed or replaced under us: then others lock another one.
  var isCurrent: Bool {
    var ours = stat()
    var named = stat()
    guard fstat(lockFile, &ours) == 0, stat(path, &named) == 0 else { return false }
    return ours.st_ino == named.st_ino && ours.st_dev == named.st_dev
  }

  /// How long somebody waits before a person hears of it.
  private static let longWait = Duration.seconds(2)

  /// For one thread at a time.
  /// - Parameter onLongWait: called when it takes long.
  /// - Returns: false when the deadline passed.
  func acquire(
    until end: ContinuousClock.Instant, files: FileSystem, onLongWait: () -> Void = {}
  ) throws(FileFailure) -> Bool {
    let isOurs = try wait.withLock { wait throws(FileFailure) -> Bool in
      // Not while a thread waits with the same descriptor: it would take the lock for its own.
      if !wait.goesOn {
        if try files.tryLock(lockFile, path: path) { return true }
        wait.goesOn = true
        OwnThread.start { [self] in waitInLine(files) }
      }
      wait.isWanted = true
      return false
    }
    return isOurs ? true : try waitForThread(until: end, onLongWait)
  }

  private func waitInLine(_ files: FileSystem) {
    let result = Result { () throws(FileFailure) in try files.lock(lockFile, path: path) }
    wait.withLock { wait in
      wait.goesOn = false
      guard wait.isWanted else { return release() }
      wait.result = result
      ended.signal()
    }
  }

  private func waitForThread(until end: ContinuousClock.Instant, _ onLongWait: () -> Void) throws(FileFailure) -> Bool {
    let longWait = min(end, .now + Self.longWait)
    var isInTime = hasEnded(until: longWait)
    if !isInTime, longWait < end {
      onLongWait()
      isInTime = hasEnded(until: end)
    }
    let result = wait.withLock { wait in
      defer { (wait.isWanted, wait.result) = (false, nil) }
      return wait.result
    }
    guard let result else { return false }
    // It came at the last moment.
    if !isInTime { ended.wait() }
    try result.get()
    return true
  }

  private func hasEnded(until end: ContinuousClock.Instant) -> Bool {
    let left = max(.zero, ContinuousClock.now.duration(to: end))
    return ended.wait(timeout: .now() + .milliseconds(Int(left.milliseconds))) == .success
  }

  func release() { _ = flock(lockFile, LOCK_UN) }

  deinit { close(lockFile) }
}
