import QuarryCore

/// The part of a filter that no run of a dataset fits, and what there is in its place.
package struct MissingPlace: Sendable, Equatable {
  /// `source`, `category` or `day`.
  package let key: String
  package let value: String
  /// Sorted; of those that the parts before it leave.
  package let others: [String]
}

extension LodeReader {
  /// By the names of folders alone.
  /// - Returns: nil when there are runs that fit.
  package func missingPlace(_ filter: RunFilter) throws(QuarryError) -> MissingPlace? {
    let wanted = [("source", filter.source), ("category", filter.category), ("day", filter.day)]
    return try layout.described { () throws(FileFailure) in
      let finder = RunFinder(layout: layout)
      var folders = [""]
      for (key, value) in wanted {
        var below: [(folder: String, value: String)] = []
        for folder in folders {
          for name in try finder.children(of: folder, key: "\(key)=", value: nil) {
            guard let found = RunPath.value(name, "\(key)=") else { continue }
            below.append((folder.isEmpty ? name : "\(folder)/\(name)", found))
          }
        }
        let fitting = below.filter { entry in value.map { $0 == entry.value } ?? (entry.value != LodeLedger.source) }
        if let value, fitting.isEmpty {
          let others = Set(below.map(\.value)).subtracting([LodeLedger.source])
          return MissingPlace(key: key, value: value, others: others.sorted())
        }
        folders = fitting.map(\.folder)
      }
      return nil
    }
  }
}
