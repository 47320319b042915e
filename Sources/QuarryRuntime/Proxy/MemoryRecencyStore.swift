import QuarryCore
import Synchronization

/// Choices of proxies that are remembered as long as this process lives; its runs share them.
package final class MemoryRecencyStore: RecencyStore {
  private let pools = Mutex<[String: RecencyState]>([:])
  private let now: @Sendable () -> Timestamp

  package init(now: @escaping @Sendable () -> Timestamp = Timestamp.now) { self.now = now }

  package func choose(_ choice: ProxyChoice, marks: Bool) -> Int {
    let now = now()
    return pools.withLock { pools in
      marks
        ? pools[choice.pool, default: RecencyState()].choose(choice, at: now)
        : (pools[choice.pool] ?? RecencyState()).look(choice, at: now)
    }
  }

  package func rest(_ rest: ProxyRest) {
    let now = now()
    pools.withLock { $0[rest.pool, default: RecencyState()].rest(rest, at: now) }
  }

  package func state(of pool: ProxyPool) -> ProxyPoolState {
    let now = now()
    return pools.withLock { ($0[pool.name] ?? RecencyState()).state(window: pool.recencyWindow ?? 0, at: now) }
  }
}
