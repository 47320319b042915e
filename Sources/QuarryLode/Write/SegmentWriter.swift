import QuarryCore

/// Writes the records of a batch to data files, one for each event type. Nothing names them yet, and each lies in a
/// folder that is new, so they are written in place.
struct SegmentWriter: Sendable {
  let layout: DatasetLayout
  let files: FileSystem
  let clock: SnapshotClock

  /// - Parameter id: the first choice for the folders' name; taken by another writer of the same partition, the next
  ///   free one is used.
  /// - Throws: after removing what it wrote.
  func write(_ batch: RecordBatch, id: SnapshotID) throws(FileFailure) -> WrittenBatch {
    var id = id
    while true {
      var written = WrittenBatch(id: id, run: batch.partition.path, writtenAt: clock.time())
      do throws(FileFailure) {
        if try write(batch, to: &written) { return written }
      } catch {
        discard(written)
        throw error
      }
      discard(written)
      id = clock.next()
    }
  }

  /// - Returns: false when a folder of that id is there already.
  private func write(_ batch: RecordBatch, to written: inout WrittenBatch) throws(FileFailure) -> Bool {
    for group in batch.groups where group.count > 0 {
      let partition = DatasetLayout.partition(batch.partition, eventType: group.eventType)
      let folder = layout.segmentFolder(written.id, partition: partition)
      guard try files.makeFolders(folder, below: layout.root) else { return false }
      written.partitions.append(partition)
      _ = try files.makeFolder("\(folder)/data")
      try files.create("\(folder)/data/data", group.lines)
      written.files.append(
        Manifest.File(path: layout.dataKey(written.id, partition: partition), sizeBytes: Int64(group.lines.count)))
      written.rowCount += Int64(group.count)
    }
    return true
  }

  /// Removes data that no manifest names, and the folders that are empty then, up to the run's own.
  func discard(_ written: WrittenBatch) {
    for partition in written.partitions {
      let folder = layout.segmentFolder(written.id, partition: partition)
      files.remove("\(folder)/data/data")
      files.removeFolder("\(folder)/data")
      files.removeFolder(folder)
      files.removeFolder("\(layout.partitions)/\(partition)/segments")
      files.removeFolder("\(layout.partitions)/\(partition)")
    }
    files.removeFolder("\(layout.partitions)/\(written.run)")
  }
}
