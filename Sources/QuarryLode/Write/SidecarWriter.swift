import QuarryCore

/// Writes a run's sidecar files: each name once for all time, also against another process.
struct SidecarWriter: Sendable {
  let layout: DatasetLayout
  let store: any WritableStore
  let form: StoredForm

  /// Writes the file and its `.meta.json`. They become durable with the commit that lists them.
  /// - Throws: `QuarryError(.storage)` when the name is taken; what is there stays as it is. After any other failure
  ///   the name is free again.
  func put(
    _ partition: RunPartition, name: String, contentType: String, data: UnsafeRawBufferPointer
  ) throws(QuarryError) -> SidecarFile {
    try validate(name)
    let key = partition.fileKey(name)
    let path = layout.path(of: key)
    let taken = try layout.described { () throws(FileFailure) in
      try publish(path, meta: Self.meta(contentType), data: data)
    }
    if let taken {
      let place = taken == path ? "'\(name)'" : "'\(name).meta.json', which would tell the content type of '\(name)',"
      throw QuarryError(.storage, "the file \(place) is there already in run \(partition.runID)")
    }
    return SidecarFile(
      path: key, filename: name, contentType: contentType, size: Int64(data.count), checksum: form.checksum(of: data))
  }

  /// Takes back a file that no snapshot lists.
  func discard(_ file: SidecarFile) {
    store.discard(layout.path(of: file.path))
    store.discard(layout.path(of: Reachable.meta(of: file)))
  }

  /// - Returns: the name that is taken, of the two; nil when both were made.
  private func publish(
    _ path: String, meta: [UInt8], data: UnsafeRawBufferPointer
  ) throws(FileFailure) -> String? {
    guard try store.create(path, data) else { return path }
    let metaPath = "\(path).meta.json"
    do throws(FileFailure) {
      if try store.create(metaPath, meta) { return nil }
    } catch {
      store.discard(path)
      throw error
    }
    store.discard(path)
    return metaPath
  }

  /// Exactly `{"content_type":"<type>"}`.
  static func meta(_ contentType: String) -> [UInt8] {
    var out: [UInt8] = [UInt8(ascii: "{")]
    JSONText.appendMember("content_type", contentType, to: &out)
    out.append(UInt8(ascii: "}"))
    return out
  }

  private func validate(_ name: String) throws(QuarryError) {
    guard !name.isEmpty, !name.contains("/"), !name.contains("\\"), !name.contains(".."), name != "." else {
      throw QuarryError(.storage, "the filename '\(name)' is empty or holds '/', '\\' or '..'")
    }
    guard !name.hasPrefix(DatasetLayout.temporaryPrefix), !name.utf8.contains(0) else {
      throw QuarryError(.storage, "the filename '\(name)' begins as unfinished files do")
    }
  }
}

extension [UInt8] {
  /// `withUnsafeBytes` that keeps the type of what is thrown.
  func withBytes<Value, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let result = withUnsafeBytes { bytes -> Result<Value, Failure> in
      do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
