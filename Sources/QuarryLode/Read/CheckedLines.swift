import QuarryCore

/// Reads the lines of a file that a manifest names, and says what is wrong with them.
struct CheckedLines {
  let layout: DatasetLayout
  let file: Manifest.File

  /// Calls `body` with each line that is a JSON object, and its place as `RecordLines` has it, until it returns false.
  /// - Parameter removed: of the query: snapshots hold records of several runs, of which one may have been removed.
  /// - Returns: a sentence, with its path, for each thing that is damaged; the rest was read.
  /// - Throws: when it is not the file but the store that cannot be read.
  func forEach(
    _ removed: inout RemovedRecords, _ body: (_ line: UnsafeRawBufferPointer, _ place: Int64) -> Bool
  ) throws(QuarryError) -> [String] {
    let path = layout.path(of: file.path)
    var damages: [String] = []
    var broken = (count: 0, first: 0)
    var number = 0
    var isEnded = false
    var size: Int64?
    do throws(FileFailure) {
      try RecordLines(layout.store, path, found: { size = $0 }).forEachPlaced { line, place in
        number += 1
        if JSONCheck.isObject(line) {
          isEnded = !body(line, place)
        } else {
          broken = (broken.count + 1, broken.count == 0 ? number : broken.first)
        }
        return !isEnded
      }
      if size == nil, try !isRemoved(&removed) { damages.append(Self.isGone(path)) }
    } catch {
      guard layout.isOfOneFile(error) else { throw error.described(layout) }
      damages.append(error.sentence(layout))
    }
    if !isEnded, let wrongSize = size.flatMap(wrongSize) { damages.append(wrongSize) }
    if broken.count > 0 {
      let others = broken.count > 1 ? " and \(broken.count - 1) more" : ""
      damages.append("\(path): line \(broken.first)\(others) passed over: no JSON object")
    }
    return damages
  }

  static func isGone(_ path: String) -> String { "\(path) is named by a manifest and is not there" }

  /// A sentence when the file has another size than its manifest says.
  func wrongSize(_ size: Int64) -> String? {
    let path = layout.path(of: file.path)
    guard file.sizeBytes >= 0 else { return "\(path): its manifest says no size that a file can have" }
    guard file.sizeBytes > 0, size != file.sizeBytes else { return nil }
    return "\(path) has \(size) bytes; its manifest says \(file.sizeBytes)"
  }

  private func isRemoved(_ removed: inout RemovedRecords) throws(FileFailure) -> Bool {
    guard let id = layout.segment(ofDataKey: file.path) else { return false }
    return try removed.folder(ofKey: file.path, at: id) != nil
  }
}
