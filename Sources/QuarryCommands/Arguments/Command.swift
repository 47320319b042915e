/// Flags, options and arguments that belong together: properties with `@Option`, `@Flag`, `@Argument` or `@OptionGroup`.
package protocol ParsableArguments: SendableMetatype {
  /// Nothing is given.
  init()
}

/// A command, or a group of commands.
package protocol ParsableCommand: ParsableArguments {
  static var configuration: CommandConfiguration { get }
}

package struct CommandConfiguration: Sendable {
  let commandName: String
  /// One sentence, for the list of commands too.
  let abstract: String
  /// More, for the command's own help.
  let discussion: String?
  let subcommands: [any ParsableCommand.Type]

  init(
    commandName: String, abstract: String, discussion: String? = nil, subcommands: [any ParsableCommand.Type] = []
  ) {
    self.commandName = commandName
    self.abstract = abstract
    self.discussion = discussion
    self.subcommands = subcommands
  }
}

/// Declarations that several commands share.
@propertyWrapper
struct OptionGroup<Value: ParsableArguments> {
  var wrappedValue: Value

  /// - Parameter title: the heading in help, where the group stands by itself.
  init(title: String? = nil) { wrappedValue = Declarations.titled(title) { Value() } }
}

extension OptionGroup: Sendable where Value: Sendable {}
