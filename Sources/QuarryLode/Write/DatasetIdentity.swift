import QuarryCore

/// The random id of a dataset, in `.quarry/identity`.
struct DatasetIdentity {
  let layout: DatasetLayout
  let files: FileSystem

  static func path(in layout: DatasetLayout) -> String { "\(layout.own)/identity" }

  func value() throws(QuarryError) -> String {
    try layout.described { () throws(FileFailure) in
      let path = Self.path(in: layout)
      if let known = try layout.store.bytes(path) { return String(decoding: known, as: UTF8.self) }
      let made = UUIDv7.make()
      try files.makeFolders(layout.own, below: layout.root)
      let temporary = layout.temporary(made, in: layout.own)
      try files.create(temporary, Array(made.utf8))
      defer { files.remove(temporary) }
      if try files.link(temporary, to: path) { return made }
      return String(decoding: try layout.store.bytes(path) ?? [], as: UTF8.self)
    }
  }
}
