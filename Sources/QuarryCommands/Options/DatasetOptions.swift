import QuarryCore
import QuarryLode

/// Which dataset a reading command reads.
struct DatasetOptions: ParsableArguments {
  @OptionGroup var storage: StorageOptions

  @Option("config", help: ArgumentHelp("Defaults for these flags, as YAML.", valueName: "file"))
  var config: String?

  /// - Throws: `QuarryError(.storage)` when there is nothing to read, `NotFound` when others lie where the dataset should.
  func reader(in context: CommandContext) throws -> LodeReader {
    let configuration = try ConfigurationLoader.load(config, in: context)
    return try storage.reader(
      configuration, remedy: "name the folder that holds the data with --storage-path DIR", in: context)
  }

  /// What leads another command to the same dataset, for hints; empty or with a space before it.
  func flags(in context: CommandContext) throws(QuarryError) -> String {
    RunNarration.flags(try settings(in: context))
  }

  /// - Parameter singleWriter: nil for commands that only read.
  func settings(
    _ singleWriter: SingleWriterOption? = nil, in context: CommandContext
  ) throws(QuarryError) -> StorageSettings {
    let configuration = try ConfigurationLoader.load(config, in: context)
    return try StorageSettings(
      storage, singleWriter: singleWriter, configuration: configuration.storage, context: context)
  }
}
