import Foundation
import QuarryLode
import Synchronization
import Testing

/// Keeps account of what a loss of power would take: files and entries of folders that were not made durable since they
/// were made. Says so when the pointer is moved too soon.
final class Disk: Sendable {
  private struct State {
    var files: Set<String> = []
    /// Of a path: the folder's entry for it.
    var entries: Set<String> = []
    /// Folders `…/segments/<id>` with data in them.
    var segments: Set<String> = []
    var moves = 0

    /// The names of manifests in partitions may follow the pointer: who reads after a loss of power finds the canonical one.
    func mayBeLate(_ entry: String) -> Bool {
      guard entry.contains("/partitions/") else { return false }
      return entry.hasSuffix("/manifest.json")
        || entry.split(separator: "/").dropLast().last == "segments" && !segments.contains(entry)
    }
  }
  private let state = Mutex(State())
  private let dataset: String

  init(_ root: String) { dataset = "\(root)/datasets/quarry" }

  /// How often the pointer was moved.
  var moves: Int { state.withLock { $0.moves } }

  var files: FileSystem {
    FileSystem { [self] operation, path in
      state.withLock { note(operation, path, &$0) }
      return nil
    }
  }

  /// Nothing of the dataset is left that a loss of power could take.
  func expectDurable(_ what: String, _ location: SourceLocation = #_sourceLocation) {
    let lost = state.withLock { $0.files.union($0.entries) }
    #expect(lost == [], "\(what)", sourceLocation: location)
  }

  private func note(_ operation: FileSystem.Operation, _ path: String, _ state: inout State) {
    switch operation {
    case .makeFolder where FileManager.default.fileExists(atPath: path): break
    case .makeFolder:
      state.entries.insert(path)
      if path.hasSuffix("/data") { state.segments.insert(FileSystem.parent(of: path) ?? "") }
    case .createFile where !path.hasSuffix("/latest.lock"):
      state.files.insert(path)
      state.entries.insert(path)
    case .link: state.entries.insert(path)
    case .rename: move(to: path, &state)
    case .remove:
      state.files.remove(path)
      state.entries.remove(path)
    case .sync:
      state.files.remove(path)
      state.entries = state.entries.filter { FileSystem.parent(of: $0) != path }
    case .createFile, .write, .lock: break
    }
  }

  /// From the temporary file that this name is made of.
  private func move(to path: String, _ state: inout State) {
    let isPointer = path == "\(dataset)/latest"
    let name = isPointer ? "latest-" : path.split(separator: "/").dropLast().last.map { "\($0)" } ?? ""
    let source = state.entries.filter { $0.hasPrefix("\(dataset)/.lode-cas-\(name)") }
    if !state.files.isDisjoint(with: source) { state.files.insert(path) }
    state.files.subtract(source)
    state.entries.subtract(source)
    if isPointer {
      state.moves += 1
      #expect(state.files == [], "the pointer is about to name these, or it itself is not written")
      #expect(state.entries.filter { !state.mayBeLate($0) } == [], "the pointer is about to name these")
    }
    state.entries.insert(path)
  }
}
