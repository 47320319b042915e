import QuarryCore
import QuarryLode
import S3Client

/// A bucket of S3 and what is needed to reach it, but for the credentials, which only the client looks for.
struct BucketSettings: Sendable, Equatable {
  let bucket: String
  /// Of all keys, without slashes at its ends; may be empty.
  let prefix: String
  let region: String?
  let endpoint: String?
  let isPathStyle: Bool
  /// Somebody has vouched that nobody else writes.
  let isSingleWriter: Bool
  /// A person waits for the answer.
  let isForReading: Bool

  /// What AWS's tools find credentials by.
  static let secretVariables: Set<String> = [
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
  ]

  /// - Throws: `QuarryError(.usage)` for a path that names no bucket.
  init(
    _ flags: StorageOptions, _ singleWriter: SingleWriterOption?, path: String?, configuration: Configuration.Storage
  ) throws(QuarryError) {
    guard let path else {
      throw QuarryError(.usage, "no bucket to store in", remedy: "name it: --storage-path BUCKET or BUCKET/PREFIX")
    }
    let bare = path.hasPrefix("s3://") ? path.dropFirst(5) : path[...]
    let parts = bare.split(separator: "/", omittingEmptySubsequences: false)
    let names = parts.last == "" ? parts.dropLast() : parts[...]
    guard !names.isEmpty, names.allSatisfy({ !["", ".", ".."].contains($0) && !$0.utf8.contains { $0 < 0x20 } }) else {
      throw QuarryError(
        .usage, "the storage path '\(path)' is no bucket with a prefix", remedy: "write it as BUCKET or BUCKET/PREFIX")
    }
    bucket = String(names.first ?? "")
    prefix = names.dropFirst().joined(separator: "/")
    region = flags.storageRegion ?? configuration.region
    endpoint = flags.storageEndpoint ?? configuration.endpoint
    if let endpoint {
      do throws(S3Error) { _ = try S3Endpoint(endpoint) } catch {
        throw QuarryError(.usage, error.description, remedy: error.remedy)
      }
    }
    isPathStyle = flags.storageS3PathStyle || configuration.s3PathStyle == true
    isSingleWriter = singleWriter?.storageS3SingleWriter == true
    isForReading = singleWriter == nil
  }

  var path: String { prefix.isEmpty ? bucket : "\(bucket)/\(prefix)" }

  /// - Parameter environment: where credentials, region and endpoint are looked for as well.
  /// - Throws: `QuarryError`, for settings that cannot be; nothing is asked of the store yet.
  func store(_ environment: [String: String], _ console: Console) throws(QuarryError) -> S3Store {
    var configuration = S3Configuration(bucket: bucket)
    configuration.region = region
    configuration.endpoint = endpoint
    if isPathStyle { configuration.style = .path }
    if isForReading { configuration.firstTries = 4 }
    configuration.onWait = { console.warn($0) }
    do throws(S3Error) {
      let client = try S3Client(configuration, environment: S3Environment(environment))
      return S3Store(client, prefix: prefix, honoursConditions: !isSingleWriter)
    } catch {
      throw QuarryError(error.kind == .configuration ? .usage : .storage, error.description, remedy: error.remedy)
    }
  }
}
