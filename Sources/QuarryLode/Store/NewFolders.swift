import Synchronization

/// Folders that this process made and that a loss of power could take, with all that is in them: the folder above each was
/// not made durable since.
final class NewFolders: Sendable {
  private let paths = Mutex<Set<String>>([])

  func add(_ made: [String]) { paths.withLock { $0.formUnion(made) } }

  func remove(_ folders: [String]) { paths.withLock { $0.subtract(folders) } }

  /// Those in which these files lie.
  func above(_ files: [String]) -> [String] {
    paths.withLock { paths in
      var found: [String] = []
      for file in files {
        var folder = FileSystem.parent(of: file)
        while let current = folder {
          if paths.contains(current) { found.append(current) }
          folder = FileSystem.parent(of: current)
        }
      }
      return found
    }
  }
}
