import QuarryCore

struct VersionCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Prints the version of the program and its contracts, and the commit.")

  @OptionGroup var output: OutputOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    let commit = BuildCommit.beside(executable: InstalledPaths.executable)
    try output.render(
      .record([("version", .string(Version.current)), ("commit", .string(commit ?? "unknown"))]), in: context)
    return 0
  }
}
