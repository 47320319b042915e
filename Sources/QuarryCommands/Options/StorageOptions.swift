import Glibc
import QuarryCore
import QuarryLode

/// Where the dataset is.
struct StorageOptions: ParsableArguments {
  @Option(
    "storage-path",
    help: ArgumentHelp(
      "The directory that holds datasets, or BUCKET[/PREFIX] of S3. Default: ./quarry-data.", valueName: "place"))
  var storagePath: String?

  @Option("storage-dataset", help: ArgumentHelp("The dataset's id. Default: quarry.", valueName: "id"))
  var storageDataset: String?

  @Option(
    "storage-backend",
    help: ArgumentHelp(
      "fs, the file system, or s3, a bucket of S3 or of a store that speaks its language. Default: fs.",
      valueName: "backend"))
  var storageBackend: String?

  @Option(
    "storage-region",
    help: ArgumentHelp(
      "The bucket's region. Default: AWS_REGION, the profile's, or us-east-1; a store that knows better is heeded.",
      valueName: "name"))
  var storageRegion: String?

  @Option(
    "storage-endpoint",
    help: ArgumentHelp(
      "The S3 store, as http(s)://host[:port]. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile's, or AWS.",
      valueName: "url"))
  var storageEndpoint: String?

  @Flag("storage-s3-path-style", help: "Put the bucket into the path, not before the host's name.")
  var storageS3PathStyle = false
}

/// How data is put down; for commands that write.
struct StoringOptions: ParsableArguments {
  @Option(
    "storage-durability",
    help: ArgumentHelp(
      "commit: every commit is synced to disk before it is acknowledged. none: the system decides. Default: commit. A bucket's commits always are.",
      valueName: "when"))
  var storageDurability: String?

  @Option(
    "storage-checksum",
    help: ArgumentHelp(
      "md5: checksums of data files, stored files and the pieces of artifacts are kept, so that damage is noticed. Default: none.",
      valueName: "algorithm"))
  var storageChecksum: String?

  @Option(
    "storage-compression",
    help: ArgumentHelp(
      "gzip or zstd: data files are compressed. Readers take files of each kind. Default: none.", valueName: "method"))
  var storageCompression: String?
  @OptionGroup var singleWriter: SingleWriterOption
}

/// For every command that writes to a bucket.
struct SingleWriterOption: ParsableArguments {
  @Flag(
    "storage-s3-single-writer",
    help:
      "Write to a bucket whose store ignores conditions on writes; safe only while no other process writes the dataset."
  )
  var storageS3SingleWriter = false
}

/// The resolved place of a dataset.
package struct StorageSettings: Sendable, Equatable {
  static let defaultPath = "quarry-data"
  static let defaultDataset = "quarry"

  enum Place: Sendable, Equatable {
    /// Absolute.
    case folder(String)
    case bucket(BucketSettings)
  }

  let place: Place
  package let dataset: String
  /// True when nobody named a path: then the directory is made where it is missing.
  package let isDefault: Bool
  package let isDurable: Bool
  package let form: StoredForm

  /// - Parameters:
  ///   - storing: nil for commands that store no records.
  ///   - singleWriter: nil for commands that only read.
  /// - Throws: `QuarryError(.usage)` for a backend, a path, a dataset id or a way of storing that cannot be.
  init(
    _ flags: StorageOptions, storing: StoringOptions? = nil, singleWriter: SingleWriterOption? = nil,
    configuration: Configuration.Storage, context: CommandContext
  ) throws(QuarryError) {
    let singleWriter = storing?.singleWriter ?? singleWriter
    let given = flags.storagePath ?? configuration.path
    let backend = flags.storageBackend ?? configuration.backend ?? "fs"
    if given == "" { throw Self.emptyPath(backend) }
    isDefault = given == nil
    dataset = flags.storageDataset ?? configuration.dataset ?? Self.defaultDataset
    try RunPartition.validateDataset(dataset)
    isDurable = try Self.isDurable(storing?.storageDurability ?? configuration.durability ?? "commit")
    form = StoredForm(
      compression: try Self.choice("compression", storing?.storageCompression ?? configuration.compression),
      checksum: try Self.choice("checksum", storing?.storageChecksum ?? configuration.checksum))
    switch backend {
    case "fs":
      try Self.refuseBucketFlags(flags, singleWriter, path: given)
      place = .folder(context.absolute(given ?? Self.defaultPath))
    case "s3":
      place = .bucket(try BucketSettings(flags, singleWriter, path: given, configuration: configuration))
    case let other:
      throw QuarryError(.usage, "unknown storage backend '\(other)'", remedy: "use fs or s3")
    }
  }

  /// As `--storage-path` takes it; a directory's is absolute.
  package var path: String {
    switch place {
    case .folder(let path): path
    case .bucket(let bucket): bucket.path
    }
  }

  /// Variables of the environment that no script gets.
  var secretVariables: Set<String> { if case .bucket = place { BucketSettings.secretVariables } else { [] } }

  private static func emptyPath(_ backend: String) -> QuarryError {
    let what = backend == "s3" ? "bucket" : "directory"
    return QuarryError(
      .usage, "the storage path is empty",
      remedy: "name a \(what) as 'storage.path' of the configuration; a variable that it is made of may be unset")
  }

  private static func refuseBucketFlags(
    _ flags: StorageOptions, _ singleWriter: SingleWriterOption?, path: String?
  ) throws(QuarryError) {
    let given = [
      (flags.storageRegion != nil, "--storage-region"), (flags.storageEndpoint != nil, "--storage-endpoint"),
      (flags.storageS3PathStyle, "--storage-s3-path-style"),
      (singleWriter?.storageS3SingleWriter == true, "--storage-s3-single-writer"),
      (path?.hasPrefix("s3://") == true, "a storage path that begins with s3://"),
    ].first(where: \.0)
    guard let given else { return }
    throw QuarryError(.usage, "\(given.1) is for storage in a bucket", remedy: "add --storage-backend s3")
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
}
