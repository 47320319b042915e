import ArgumentParser
import QuarryCore

/// Refuses a flag with one value that is given more than once: the parser would take the last and say nothing.
enum RepeatedFlags {
  /// - Parameter command: the one that the arguments name.
  /// - Throws: `QuarryError(.usage)`.
  static func check(_ arguments: [String], of command: any ParsableCommand.Type) throws(QuarryError) {
    let given = names(arguments)
    // The parser's own description of a command is not cheap, so it is asked for when there is something to ask.
    guard Set(given).count < given.count || given.contains(where: { !$0.hasPrefix("--") }) else { return }
    let flags = singleValued(command)
    var seen: Set<String> = []
    for name in given {
      guard let flag = flags[name], !seen.insert(flag).inserted else { continue }
      throw QuarryError(
        .usage, "'\(name)' is given more than once, and takes one value", remedy: "leave all of them out but one")
    }
  }

  /// Everything that may be a flag's name, in order.
  private static func names(_ arguments: [String]) -> [String] {
    arguments.prefix { $0 != "--" }.filter { $0.hasPrefix("-") && $0 != "-" }.map { String($0.prefix { $0 != "=" }) }
  }

  /// The flags that take one value: all the names of each, by its first.
  private static func singleValued(_ command: any ParsableCommand.Type) -> [String: String] {
    // Nothing is known of a command that cannot be described, and the parser takes what it takes.
    guard let description = try? JSONParser.parse(command._dumpHelp()) else { return [:] }
    var flags: [String: String] = [:]
    for argument in description["command"]?["arguments"]?.array ?? [] {
      guard argument["kind"] == "option", argument["isRepeating"]?.bool == false else { continue }
      let names = (argument["names"]?.array ?? []).compactMap(name)
      for name in names { flags[name] = names[0] }
    }
    return flags
  }

  private static func name(_ value: JSONValue) -> String? {
    guard let text = value["name"]?.string else { return nil }
    return value["kind"] == "long" ? "--" + text : "-" + text
  }
}
