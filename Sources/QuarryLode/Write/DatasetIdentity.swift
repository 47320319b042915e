import QuarryCore

/// The random id of a dataset, in `.quarry/identity`.
struct DatasetIdentity {
  let layout: DatasetLayout
  let store: any WritableStore
  let durability: Durability

  static func path(in layout: DatasetLayout) -> String { "\(layout.own)/identity" }

  func value() throws(QuarryError) -> String {
    try layout.described { () throws(FileFailure) in
      let path = Self.path(in: layout)
      if let known = try layout.store.bytes(path) { return String(decoding: known, as: UTF8.self) }
      let made = UUIDv7.make()
      if try store.create(path, Array(made.utf8)) {
        try store.settle([path], durability)
        return made
      }
      return String(decoding: try layout.store.bytes(path) ?? [], as: UTF8.self)
    }
  }
}
