import QuarryCore
import S3Client

extension S3Store: WritableStore {
  package var backend: String { "s3" }
  package var url: String { root }
  /// Nothing can be locked in a bucket; the collector of leftovers leaves files beside records alone for a day.
  package var trust: StoreTrust { StoreTrust(data: .seconds(600), sidecars: .seconds(43_200)) }

  func condition(_ condition: S3Condition) -> S3Condition? { honoursConditions ? condition : nil }

  package var tellsTaken: Bool { honoursConditions }

  package func createData(_ file: String, _ bytes: [UInt8]) throws(FileFailure) -> Bool {
    try isFree(file) ? send(file, bytes) : false
  }

  /// What is not removed is found as a leftover, and nobody reads it.
  package func discardData(_ file: String) { discard(file) }

  package func create(_ file: String, _ bytes: UnsafeRawBufferPointer) throws(FileFailure) -> Bool {
    try isFree(file) ? send(file, Array(bytes)) : false
  }

  /// Without conditions it has to be asked for, and may be taken right after.
  private func isFree(_ file: String) throws(FileFailure) -> Bool {
    if honoursConditions { return true }
    return try !exists(file)
  }

  private func send(_ file: String, _ bytes: [UInt8]) throws(FileFailure) -> Bool {
    guard bytes.count > client.configuration.partSize else {
      return try swap(file, bytes, was: nil, looks: true) != nil
    }
    do throws(S3Error) {
      do throws(S3Error) { try upload(file, bytes) } catch {
        // Parts that the store has lost, or somebody has ended as a leftover, may be sent again.
        guard error.kind == .noSuchUpload else { throw error }
        try upload(file, bytes)
      }
      return true
    } catch {
      if error.kind == .conditionFailed { return false }
      throw FileFailure(error, file)
    }
  }

  private func upload(_ file: String, _ bytes: [UInt8]) throws(S3Error) {
    let upload = S3Upload(client, key(file), if: condition(.absent))
    try bytes.withBytes { bytes throws(S3Error) in try upload.write(bytes) }
    _ = try upload.finish()
  }

  package func discard(_ file: String) { discard([file]) }

  /// - Returns: whether they are gone.
  @discardableResult
  func discard(_ files: [String]) -> Bool {
    do throws(FileFailure) { try remove(files) } catch {
      // They are found as leftovers, and nobody reads them; what made them useless is what is told.
      return false
    }
    return true
  }

  func remove(_ files: [String]) throws(FileFailure) {
    do throws(S3Error) { try client.delete(files.map(key)) } catch { throw FileFailure(error, files.first ?? root) }
  }

  package func setAside(_ file: String) throws(FileFailure) {
    if let bytes = try bytes(file) { _ = try create(DatasetLayout.aside(file), bytes) }
    try remove([file])
  }

  package func hold(_ folder: String) -> FolderHold? { nil }

  package func claim(_ file: String) throws(FileFailure) -> (any StoreClaim)? {
    try S3Claim.take(file, in: self)
  }

  package func holder(ofClaim file: String) throws(FileFailure) -> ClaimHolder {
    try S3Claim.holder(of: file, in: self)
  }

  package func sweeper(of layout: DatasetLayout) -> any LeftoverSweeper { S3Sweeper(layout: layout, store: self) }

  package func publisher(
    of layout: DatasetLayout, durability: Durability, deadline: Duration, clock: SnapshotClock
  ) -> any SnapshotPublisher {
    S3Publisher(layout: layout, store: self, deadline: deadline, clock: clock)
  }
}
