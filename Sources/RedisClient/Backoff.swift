/// Pauses between attempts: doubling, with jitter so that many clients do not come back at once.
package struct Backoff {
  let first: Duration
  let longest: Duration
  private var attempts = 0

  package init(first: Duration, longest: Duration) {
    self.first = first
    self.longest = longest
  }

  /// Between half of the current bound and the bound; the bound doubles with every call.
  package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
    let bound = min(longest, first * (1 << min(attempts, 16)))
    attempts += 1
    return bound * Double.random(in: 0.5...1, using: &generator)
  }

  package mutating func reset() { attempts = 0 }
}
