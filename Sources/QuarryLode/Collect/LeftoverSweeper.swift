import QuarryCore

/// Takes leftovers out of one store.
package protocol LeftoverSweeper: Sendable {
  /// How long ago one of a kind must have been written at least, whatever was asked for.
  func leastAge(of kind: Leftover.Kind) -> Duration

  /// Keeps commits away where the store can do that.
  /// - Throws: `QuarryError(.storage)` when it was not free in time.
  func begin(within limit: Duration) throws(QuarryError) -> any SweepTurn

  /// Whether a run goes on that may yet list it.
  func isHeld(_ leftover: Leftover) -> Bool

  /// Removes those that may go, as they are now; one that is gone is passed over.
  /// - Returns: what became of the others, with the reason where the store did not let one go.
  func remove(_ leftovers: [Leftover], if mayGo: (Leftover) -> Bool) -> [(Leftover, LeftoverFate)]
}

package protocol SweepTurn {
  func end()
}
