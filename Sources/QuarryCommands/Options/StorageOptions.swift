import ArgumentParser
import Glibc
import QuarryCore
import QuarryLode

/// Where the dataset is.
struct StorageOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The directory that holds datasets. Default: ./quarry-data.", valueName: "dir"))
  var storagePath: String?

  @Option(help: ArgumentHelp("The dataset's id. Default: quarry.", valueName: "id"))
  var storageDataset: String?

  @Option(help: ArgumentHelp("fs, the file system.", valueName: "backend"))
  var storageBackend: String?
}

/// How data is put down; for commands that write.
struct StoringOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "commit: every commit is synced to disk before it is acknowledged. none: the system decides. Default: commit.",
      valueName: "when"))
  var storageDurability: String?

  @Option(
    help: ArgumentHelp(
      "md5: manifests and artifacts' records bear checksums of what they hold, so that damage is noticed. Default: none.",
      valueName: "algorithm"))
  var storageChecksum: String?

  @Option(
    help: ArgumentHelp(
      "gzip or zstd: data files are compressed. Readers take files of each kind. Default: none.", valueName: "method"))
  var storageCompression: String?
}

/// The resolved place of a dataset.
package struct StorageSettings: Sendable, Equatable {
  static let defaultPath = "quarry-data"
  static let defaultDataset = "quarry"

  /// Absolute.
  package let path: String
  package let dataset: String
  /// True when nobody named a path: then the directory is made where it is missing.
  package let isDefault: Bool
  package let isDurable: Bool
  package let form: StoredForm

  /// - Parameter storing: nil for commands that only read.
  /// - Throws: `QuarryError(.usage)` for a backend, a dataset id or a way of storing that cannot be.
  init(
    _ flags: StorageOptions, storing: StoringOptions? = nil, configuration: Configuration.Storage,
    context: CommandContext
  ) throws(QuarryError) {
    try Self.check(backend: flags.storageBackend ?? configuration.backend ?? "fs")
    let given = flags.storagePath ?? configuration.path
    if given == "" {
      throw QuarryError(
        .usage, "the storage path is empty",
        remedy: flags.storagePath == nil
          ? "name a directory as 'storage.path' of the configuration; a variable that it is made of may be unset"
          : "name a directory: --storage-path DIR")
    }
    path = context.absolute(given ?? Self.defaultPath)
    isDefault = given == nil
    dataset = flags.storageDataset ?? configuration.dataset ?? Self.defaultDataset
    try RunPartition.validateDataset(dataset)
    isDurable = try Self.isDurable(storing?.storageDurability ?? configuration.durability ?? "commit")
    form = StoredForm(
      compression: try Self.choice("compression", storing?.storageCompression ?? configuration.compression),
      checksum: try Self.choice("checksum", storing?.storageChecksum ?? configuration.checksum))
  }

  private static func check(backend: String) throws(QuarryError) {
    switch backend {
    case "fs": return
    case "s3": throw Unbuilt.refusal(of: Unbuilt.s3, asked: "storage backend 's3'")
    default: throw QuarryError(.usage, "unknown storage backend '\(backend)'", remedy: "use --storage-backend fs")
    }
  }

  /// - Parameter text: nil for the first of what there is, which is the default.
  private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, _ text: String?
  ) throws(QuarryError) -> Choice {
    let names = Choice.allCases.map(\.rawValue)
    if let choice = Choice(rawValue: text ?? names[0]) { return choice }
    throw QuarryError(
      .usage, "unknown storage \(name) '\(text ?? "")'",
      remedy: "use \(names[0]) (the default) or \(names.dropFirst().joined(separator: " or "))")
  }

  private static func isDurable(_ text: String) throws(QuarryError) -> Bool {
    switch text {
    case "commit": return true
    case "none": return false
    default:
      throw QuarryError(.usage, "unknown storage durability '\(text)'", remedy: "use none or commit (the default)")
    }
  }

  /// Before anything is written: the directory is there and can be written, or is made, with a notice, where it is
  /// the default one.
  func prepareForWriting(_ console: Console) throws(QuarryError) {
    if isDefault { try makeDirectory(console) }
    try requireDirectory()
    guard access(path, W_OK | X_OK) == 0 else {
      let remedy =
        errno == EROFS
        ? "its file system is read-only: name another place with --storage-path DIR"
        : "give yourself the right (chmod u+rwx '\(path)'), or name another with --storage-path DIR"
      throw QuarryError(
        .storage, "storage path \(path) cannot be written: \(String(cString: strerror(errno)))", remedy: remedy)
    }
  }

  private func makeDirectory(_ console: Console) throws(QuarryError) {
    if mkdir(path, 0o777) == 0 {
      return console.say("storing in \(path) (made just now; --storage-path names another place)")
    }
    guard errno != EEXIST else { return }
    throw QuarryError(
      .storage, "storage path \(path) cannot be made: \(String(cString: strerror(errno)))",
      remedy: "name another place with --storage-path DIR")
  }

  /// - Throws: `QuarryError(.storage)` when there is no directory to read.
  func requireDirectory(remedy: String? = nil) throws(QuarryError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw QuarryError(
        .storage, "storage path \(path): \(String(cString: strerror(errno)))",
        remedy: remedy ?? "make it with: mkdir -p '\(path)', or name another with --storage-path DIR")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw QuarryError(
        .storage, "storage path \(path) is not a directory", remedy: "name a directory with --storage-path DIR")
    }
  }
}
