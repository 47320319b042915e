import QuarryCore
import S3Client

extension S3Store {
  /// Before anything is written: the bucket is there and can be read and written, and holds writes to their conditions.
  /// That AWS does is known; any other store is tried, with six small requests.
  /// - Throws: `QuarryError(.storage)`.
  package func prepareForWriting() throws(QuarryError) {
    do throws(S3Error) {
      let prefix = key("\(root)/")
      _ = try client.page(prefix: "\(prefix)datasets/", count: 1)
      guard honoursConditions, !client.isAWS else { return }
      let found = try client.probeConditions(prefix: prefix)
      guard !found.honoursAbsent || !found.honoursMatch else { return }
    } catch { throw QuarryError(.storage, error.description, remedy: error.remedy) }
    throw QuarryError(
      .storage,
      "the store of \(root) does not hold writes to their conditions, so two writers could lose each other's data",
      remedy:
        "use another store, or make sure that only one process writes the dataset and add --storage-s3-single-writer")
  }
}
