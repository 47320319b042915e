import Synchronization

/// An object that says that a name is taken. It does not go with its process: after a crash a person removes it, or
/// `quarry lode gc` when it is a day old.
final class S3Claim: StoreClaim {
  private let store: S3Store
  private let file: String
  private let isHeld = Mutex(true)

  init(_ store: S3Store, _ file: String) {
    self.store = store
    self.file = file
  }

  func release() {
    let wasHeld = isHeld.withLock { held in
      defer { held = false }
      return held
    }
    if wasHeld { store.discard(file) }
  }
}
