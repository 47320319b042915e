import QuarryCore
import QuarryFleet
import QuarryLode

/// Opens the store that the settings name.
extension StorageSettings {
  /// For reading.
  /// - Parameter remedy: for a directory that is not there.
  /// - Throws: `QuarryError(.storage)` when there is nothing to read.
  func openForReading(in context: CommandContext, remedy: String? = nil) throws(QuarryError) -> any WritableStore {
    switch place {
    case .folder(let path):
      try StorageFolder(path: path).require(
        remedy: remedy ?? "name the folder that holds the data with --storage-path DIR")
      return DiskStore(root: path)
    case .bucket(let bucket): return try bucket.store(context.environment, context.console)
    }
  }

  /// For writing, after it was found out whether that can be done: whoever may not write hears it before anything starts.
  func openForWriting(in context: CommandContext, _ console: Console) throws(QuarryError) -> any WritableStore {
    switch place {
    case .folder(let path):
      try StorageFolder(path: path).prepareForWriting(isDefault: isDefault, console)
      return DiskStore(root: path, onWait: { console.warn($0) })
    case .bucket(let bucket): return try Self.prepared(bucket, in: context, console)
    }
  }

  /// For changing what is there, after it was found out whether that can be done.
  /// - Throws: `QuarryError(.storage)` when there is nothing, or a store ignores conditions.
  func openForChanging(in context: CommandContext) throws(QuarryError) -> any WritableStore {
    guard case .bucket(let bucket) = place else { return try openForReading(in: context) }
    return try Self.prepared(bucket, in: context, context.console)
  }

  private static func prepared(
    _ bucket: BucketSettings, in context: CommandContext, _ console: Console
  ) throws(QuarryError) -> S3Store {
    let store = try bucket.store(context.environment, console)
    let signals = EarlySignals()
    defer { signals.end() }
    try store.prepareForWriting()
    return store
  }

  func dataset(in store: any WritableStore) -> LodeDataset {
    LodeDataset(
      store, id: dataset, flags: RunNarration.flags(self), durability: isDurable ? .commit : .none, form: form)
  }

  /// Progress is for somebody who looks on; what is wrong is said in any case.
  func reader(of store: any WritableStore, in context: CommandContext) -> LodeReader {
    let console = context.console
    var layout = DatasetLayout(store, dataset: dataset, flags: RunNarration.flags(self))
    layout.indexing.cache = CacheFolder.path(context.environment)
    if console.isErrorTerminal { layout.indexing.slow = { console.say($0) } }
    layout.indexing.unusable = { console.warn($0) }
    return LodeReader(layout)
  }
}

extension LodeDataset {
  /// What a job names as the place of its records.
  func storageIdentity() throws(QuarryError) -> StorageIdentity {
    StorageIdentity(backend: backend, dataset: layout.dataset, id: try identity())
  }
}
