import CLinux
import Synchronization

/// Which process has a core first.
package enum Scheduling {
  private static let gaveWay = Mutex(false)

  /// From now on no thread of this process takes a core from what runs on it: woken by a frame, it waits until the script
  /// that sent it pauses or has used up its turn (SCHED_BATCH). Its share of the processor stays the same. Called before
  /// any thread is started; does nothing where somebody chose a policy for this process.
  package static func giveWay() { gaveWay.withLock { $0 = become_batch() == 0 } }

  /// What is started gets the usual policy back.
  static var isForThisProcessAlone: Bool { gaveWay.withLock { $0 } }
}
