import Synchronization

/// Counts durations by buckets. Noting one costs a lock that nobody holds long.
package final class DurationHistogram: Sendable {
  private struct State {
    /// By bucket, the last one for what is longer than all bounds.
    var counts: [Int]
    var sum = 0.0
  }
  /// Upper bounds, in seconds, ascending.
  private let bounds: [Double]
  private let state: Mutex<State>

  package init(bounds: [Double] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300]) {
    self.bounds = bounds
    state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  package func note(_ duration: Duration) {
    let seconds = duration.inSeconds
    let bucket = bounds.firstIndex { seconds <= $0 } ?? bounds.count
    state.withLock { state in
      state.counts[bucket] += 1
      state.sum += seconds
    }
  }

  package func family(_ name: String, _ help: String) -> MetricFamily {
    let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
    var samples: [MetricFamily.Sample] = []
    var total = 0
    for (count, bound) in zip(counts, bounds + [.infinity]) {
      total += count
      samples.append(.init(suffix: "_bucket", labels: [("le", Exposition.number(bound))], value: Double(total)))
    }
    samples += [.init(suffix: "_sum", value: sum), .init(suffix: "_count", value: Double(total))]
    return MetricFamily(.histogram, name, help, samples: samples)
  }
}

extension Duration {
  package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
