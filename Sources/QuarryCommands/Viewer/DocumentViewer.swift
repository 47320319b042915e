import QuarryCore
import QuarryTerminal
import Synchronization

/// Shows what a command answers on the whole terminal.
enum DocumentViewer {
  /// Returns when it is over: q, Ctrl-C, a signal, or a terminal that is gone.
  /// - Throws: what the command throws at the first look, before the screen changes; a later failure is shown.
  static func show(_ command: some ViewableCommand, in context: CommandContext) async throws {
    let shared = SharedCommand(command: command)
    let reading = try await shared.read(in: context)
    // Seen now, and again when the screen is as it was.
    for note in reading.notes { context.console.say(note) }
    let bell = try Bell()
    let feed = DocumentFeed(announce: { bell.ring() }) { await shared.news(in: context) }
    let view = DocumentView(
      title: shared.title(of: reading.document), reading: reading, feed: feed,
      signs: ViewerSigns(environment: context.environment), mayChange: { shared.command.mayChange($0) })
    let isColored = command.output.isColored(in: context)
    await OwnThread.run {
      var view = view
      var screen = FullScreen(bell: bell, isColored: isColored)
      screen.run(&view)
    }
  }
}

/// A command that is read again and again from other tasks: it is never changed once it is parsed, and each look is over
/// before the next one begins.
private struct SharedCommand<Command: ViewableCommand>: @unchecked Sendable {
  let command: Command

  /// What the command says meanwhile is caught: the screen is not its own.
  func read(in context: CommandContext) async throws -> DocumentReading {
    let said = Mutex<[UInt8]>([])
    var quiet = context
    quiet.console = Console(writeOut: { _ in }, writeError: { bytes in said.withLock { $0 += bytes } })
    let document = try await command.document(in: quiet)
    let lines = String(decoding: said.withLock { $0 }, as: UTF8.self).split(separator: "\n")
    let notes = lines.map { $0.hasPrefix("quarry: ") ? String($0.dropFirst(8)) : String($0) }
    return DocumentReading(document: document, notes: notes, at: .now())
  }

  func news(in context: CommandContext) async -> DocumentFeed.News {
    do {
      return .read(try await read(in: context))
    } catch let error as QuarryError {
      return .failed(error.message, at: .now())
    } catch let error as NotFound {
      return .failed(error.message, at: .now())
    } catch {
      return .failed("\(error)", at: .now())
    }
  }

  /// The command's words, and what the document is about where it begins with a name.
  func title(of document: Output) -> String {
    let words = CommandPath.name(of: Command.self, below: RootCommand.self) ?? ""
    guard case .record(let fields) = document, let first = fields.first, first.isName else { return words }
    return "\(words) \(first.value.scalarText)"
  }
}

extension Output.Field {
  fileprivate var isName: Bool { name == "name" || name.hasSuffix("_id") }
}
