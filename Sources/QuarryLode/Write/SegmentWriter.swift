import QuarryCore

/// Writes the records of a batch to data files, one for each event type. Nothing names them yet.
struct SegmentWriter: Sendable {
  let layout: DatasetLayout
  let store: any WritableStore
  let clock: SnapshotClock
  let form: StoredForm

  /// - Parameter id: the first choice for the folders' name; taken by another writer of the same partition, the next
  ///   free one is used.
  /// - Throws: after removing what it wrote.
  func write(_ batch: RecordBatch, id: SnapshotID) throws(FileFailure) -> WrittenBatch {
    var id = id
    while true {
      var written = WrittenBatch(id: id, run: batch.partition.path, writtenAt: clock.time(), form: form)
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
      let key = layout.dataKey(written.id, partition: partition, compression: form.compression)
      let bytes = group.lines.withUnsafeBytes { form.compression.encode($0) } ?? group.lines
      guard try store.createData(layout.path(of: key), bytes) else { return false }
      written.partitions.append(partition)
      let checksum = bytes.withUnsafeBytes { form.checksum(of: $0) }
      written.files.append(Manifest.File(path: key, sizeBytes: Int64(bytes.count), checksum: checksum))
      written.rowCount += Int64(group.count)
    }
    return true
  }

  /// Removes data that no manifest names.
  func discard(_ written: WrittenBatch) {
    for file in written.files { store.discardData(layout.path(of: file.path)) }
  }
}
