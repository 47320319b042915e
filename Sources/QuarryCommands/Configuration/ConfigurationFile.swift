import Glibc
import QuarryCore
import Yams

/// The text of a configuration file with its variables put in.
struct ConfigurationFile {
  /// As it was typed.
  let name: String
  let expansion: EnvironmentExpansion

  /// - Throws: `QuarryError(.usage)` when it cannot be read.
  static func read(_ path: String, in context: CommandContext) throws(QuarryError) -> ConfigurationFile {
    guard let bytes = SmallFile.read(context.absolute(path), limit: 4 << 20) else {
      throw QuarryError(
        .usage, "configuration \(path) cannot be read: \(String(cString: strerror(errno)))",
        remedy: "name a readable YAML file")
    }
    return ConfigurationFile(
      name: path,
      expansion: EnvironmentExpansion(String(decoding: bytes, as: UTF8.self), environment: context.environment))
  }

  /// - Returns: nil for a file that says nothing.
  /// - Throws: `QuarryError(.usage)` naming the line of what is no YAML or no mapping.
  static func root(of text: String, file: String) throws(QuarryError) -> Node.Mapping? {
    guard let root = try compose(text, file: file) else { return nil }
    guard case .mapping(let mapping) = root else {
      throw QuarryError(.usage, "\(file): a configuration is a mapping of keys", remedy: "for example: source: shop")
    }
    return mapping
  }

  private static func compose(_ text: String, file: String) throws(QuarryError) -> Node? {
    do {
      return try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw QuarryError(.usage, "\(file)\(problem(of: error))")
    } catch {
      throw QuarryError(.usage, "\(file): \(error)")
    }
  }

  /// `:LINE: what is wrong`, as far as the YAML reader knows it.
  private static func problem(of error: YamlError) -> String {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      ":\(mark.line): \(problem.hasPrefix("Maximum nesting") ? "nested too deeply" : problem)"
    case .duplicatedKeysInMapping(let duplicates, let context):
      ":\(context.mark.line): key '\(duplicates.first ?? "?")' is there twice in this mapping"
    // The reader's own description shows the text around, which may hold a password.
    case .reader(let problem, _, _, _): ": not valid YAML: \(problem)"
    default: ": not valid YAML"
    }
  }
}
