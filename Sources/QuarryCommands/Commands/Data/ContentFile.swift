import Glibc
import QuarryCore
import QuarryLode

/// Where an artifact goes to.
enum ContentPath {
  /// - Parameter given: what was typed; nil for the content's own name.
  /// - Throws: `QuarryError(.usage)` for a name that might be a trick: it was chosen by a script, or by a page.
  static func absolute(
    _ given: String?, for content: StoredContent, in context: CommandContext
  ) throws(QuarryError) -> String {
    if let given, !given.isEmpty { return context.absolute(given) }
    let name = content.name ?? ""
    guard given == nil, isPlain(name) else {
      throw QuarryError(.usage, "'\(given ?? name)' is no name for a new file", remedy: "name it yourself: -o FILE")
    }
    return context.absolute("./" + name)
  }

  /// One visible name in one folder.
  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix(".") && name.utf8.count <= 255 && !name.contains("/") && !name.contains("\\")
      && name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  }
}

/// A file that an artifact is written to; it comes under its name when all of it was read and checked.
struct ContentFile: ~Copyable {
  private let file: NewFile

  /// - Throws: `QuarryError(.usage)` when there is something of that name, `.storage` when there can be nothing.
  init(_ path: String, replaces: Bool) throws(QuarryError) {
    var status = stat()
    guard stat(path, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR else {
      throw QuarryError(.usage, "\(path) is a folder", remedy: "name a file in it: -o FILE")
    }
    do throws(NewFile.Failure) { file = try NewFile(path, replaces: replaces) } catch {
      guard !error.isTaken else {
        throw QuarryError(
          .usage, "\(path) is there already", remedy: "choose another with -o FILE, or replace it with --force")
      }
      throw QuarryError(.storage, "cannot write \(path): \(error.reason)", remedy: "choose another with -o FILE")
    }
  }

  /// - Throws: when the content is damaged, the file cannot be written, or the command was interrupted; nothing is left then.
  func write(_ content: StoredContent, from reader: LodeReader) throws(QuarryError) {
    let interrupted = SharedFlag()
    try SignalWatch.start(survivesHangUp: false) { _, count in
      interrupted.raise()
      if count > 1 { _exit(ExitCode.failure) }
    }
    try reader.read(content) { bytes throws(QuarryError) in
      guard !interrupted.isRaised else { throw QuarryError(.storage, "interrupted; \(file.path) was not written") }
      try described { () throws(NewFile.Failure) in try file.write(bytes) }
      return true
    }
    try described { () throws(NewFile.Failure) in try file.publish() }
  }

  private func described(_ work: () throws(NewFile.Failure) -> Void) throws(QuarryError) {
    do { try work() } catch {
      throw QuarryError(.storage, "\(file.path) was not written: \(error.reason)")
    }
  }
}
