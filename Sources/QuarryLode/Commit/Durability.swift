/// What a commit waits for before it is acknowledged (`--storage-durability`).
package enum Durability: String, Sendable, CaseIterable {
  /// Nothing is made durable: a crash of a process loses nothing, a loss of power may lose the last seconds.
  case none
  /// Data, manifests, folders and pointer are on the disk.
  case commit
}
