import QuarryCore
import S3Client

/// Finds what no snapshot names in a bucket, by listing all keys of the dataset and the uploads that were never finished.
struct S3LeftoverScan {
  let layout: DatasetLayout
  let store: S3Store
  let reachable: Reachable

  func forEach(_ body: (Leftover) throws(FileFailure) -> Void) throws(FileFailure) {
    let prefix = store.key(layout.folder) + "/"
    var found: [Leftover] = []
    try store.list(prefix, at: layout.folder) { page in
      for entry in page.entries {
        let path = Substring(entry.key.utf8.dropFirst(prefix.utf8.count))
        guard let kind = kind(of: path) else { continue }
        found.append(
          leftover(kind, entry.key, size: Int64(entry.size), seconds: entry.modified))
      }
    }
    do throws(S3Error) {
      for upload in try store.client.pendingUploads(prefix: prefix) {
        var one = leftover(.upload, upload.key, size: 0, seconds: upload.begun)
        one.uploadID = upload.id
        found.append(one)
      }
    } catch { throw FileFailure(error, layout.folder) }
    for leftover in found { try body(leftover) }
  }

  private func leftover(_ kind: Leftover.Kind, _ key: String, size: Int64, seconds: Int) -> Leftover {
    Leftover(kind: kind, path: store.place(of: key), size: size, modified: Timestamp(seconds: Int64(seconds)))
  }

  /// - Parameter path: below the dataset's folder.
  /// - Returns: nil for what counts, and for what is not Quarry's.
  private func kind(of path: Substring) -> Leftover.Kind? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard let name = parts.last else { return nil }
    if name.hasPrefix(DatasetLayout.temporaryPrefix) { return .temporary }
    if parts.count == 3, parts[0] == ".quarry", parts[1] == "claims" { return .claim }
    guard let place = parts.firstIndex(where: { $0 == "segments" || $0 == "files" }),
      place == 0 || parts[0] == "partitions" && parts[1..<place].allSatisfy({ $0.contains("=") })
    else { return nil }
    let key = "\(layout.key)/\(path)"
    if parts[place] == "files" { return place > 0 && !reachable.names(key) ? .sidecar : nil }
    guard parts.count > place + 2, let id = SnapshotID(parts[place + 1]) else { return nil }
    if parts.count == place + 3, name == "manifest.json" { return reachable.place(of: id) == nil ? .manifest : nil }
    return parts.count == place + 4 && parts[place + 2] == "data" && !reachable.names(key) ? .data : nil
  }
}
