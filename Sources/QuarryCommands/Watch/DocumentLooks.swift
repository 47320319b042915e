import QuarryCore
import Synchronization

/// Looks at a command's answer again and again, from other tasks: the command is never changed once it is parsed, and each
/// look is over before the next one begins.
struct DocumentLooks<Command: DocumentCommand>: @unchecked Sendable {
  let command: Command

  /// What the command says meanwhile is caught: the screen is not its own, and it would say it each time.
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
