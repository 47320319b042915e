import Glibc
import QuarryCore
import RedisClient

/// Which fleet, and where its Redis is.
struct FleetOptions: ParsableArguments {
  @Option(
    "redis",
    help: ArgumentHelp(
      "The fleet's Redis: redis:// or rediss://[user:password@]host[:port][,…][/db], redis+sentinel://host[:port][,…]/primary or unix:///path. Default: one that the members of the fleet on this machine share.",
      valueName: "url"))
  var redis: String?

  @Option("fleet", help: ArgumentHelp("The fleet's name. Default: default.", valueName: "name"))
  var fleet: String?

  @Option("config", help: ArgumentHelp("Defaults for these flags, as YAML.", valueName: "file"))
  var config: String?

  /// With what the configuration says.
  func address(in context: CommandContext) throws(QuarryError) -> FleetAddress {
    try FleetAddress(self, configuration: ConfigurationLoader.load(config, in: context).fleet, in: context)
  }
}

/// Where a fleet is found.
struct FleetAddress: Sendable {
  static let defaultName = "default"

  let name: String
  /// Nil for the embedded Redis of this machine.
  let endpoint: RedisEndpoint?
  /// What leads another command here: with a space before each, and no password.
  let flags: String

  /// - Throws: `QuarryError(.usage)` for a name or an address that cannot be.
  init(
    _ flags: FleetOptions, configuration: Configuration.Fleet, in context: CommandContext
  ) throws(QuarryError) {
    name = flags.fleet ?? configuration.name ?? Self.defaultName
    try Self.check(name)
    self.flags = Self.flags(flags)
    guard let url = flags.redis ?? configuration.redis else {
      endpoint = nil
      return
    }
    guard !url.isEmpty else {
      throw QuarryError(
        .usage, "the address of Redis is empty",
        remedy: "name it as 'fleet.redis' of the configuration; a variable that it is made of may be unset")
    }
    do throws(RedisError) {
      endpoint = RedisLogin(configuration, context.environment).applied(to: try RedisEndpoint(url: url))
    } catch {
      throw QuarryError(.usage, error.message, remedy: error.remedy)
    }
  }

  /// What the environment says is found again by itself.
  private static func flags(_ given: FleetOptions) -> String {
    [
      ("--redis", given.redis.map(RedisEndpoint.withoutPasswords)), ("--fleet", given.fleet),
      ("--config", given.config),
    ].map { flag, value in value.map { " \(flag) \(RunNarration.word($0))" } ?? "" }.joined()
  }

  /// The name is part of every key and of a path: letters, digits, `-`, `_` and `.`, 1 to 64 of them.
  private static func check(_ name: String) throws(QuarryError) {
    try RunPartition.validate(name, as: "fleet")
    let isPlain = name.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_.".utf8.contains(byte)
    }
    guard isPlain, name.utf8.count <= 64 else {
      throw QuarryError(
        .usage, "fleet '\(name)' may hold only letters, digits and - _ . and at most 64 of them",
        remedy: "choose another with --fleet NAME")
    }
  }
}

/// Where the scripts of a fleet are.
struct ScriptRootOptions: ParsableArguments {
  @Option(
    "script-root",
    help: ArgumentHelp("The folder that scripts are named from. Default: the working directory.", valueName: "dir"))
  var scriptRoot: String?

  /// - Returns: the absolute path.
  func path(configuration: Configuration.Fleet, context: CommandContext) throws(QuarryError) -> String {
    let path = context.absolute(scriptRoot ?? configuration.scriptRoot ?? context.workingDirectory)
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw QuarryError(.usage, "script root \(path) is not a directory", remedy: "name one with --script-root DIR")
    }
    return path
  }
}
