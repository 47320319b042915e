import Glibc
import QuarryCore
import QuarryRuntime
import QuarryWire

/// An ingestion that is fed through a real descriptor, and what it noted.
final class ExecutorStream {
  static let runID = "run-1"

  let sink: RecordingSink
  let ingestion: StreamIngestion
  var notes: [String] { box.notes }
  private var seq: Int64 = 0
  private let box = Notes()

  private struct NoFile: Error {}
  private final class Notes { var notes: [String] = [] }

  init(
    policy: PolicyConfiguration = .strict, sink: RecordingSink = RecordingSink(), derived: (any DerivedWorkSink)? = nil,
    attempt: Int = 1, task: TaskLineage? = nil, artifactLimit: Int64 = ArtifactAssembly.largest,
    clock: @escaping () -> UInt64 = { 0 }
  ) throws {
    self.sink = sink
    let partition = try RunPartition(
      dataset: "quarry", source: "s", category: "c", day: "2026-11-24", runID: Self.runID)
    ingestion = StreamIngestion(
      identity: RunIdentity(runID: Self.runID, attempt: attempt, task: task), partition: partition, policy: policy,
      sink: sink, derived: derived, artifactLimit: artifactLimit, clock: clock,
      onNote: { [box] in box.notes.append($0) })
  }

  /// Reads the bytes from a descriptor as they would come from the executor, as far as one read goes at a time.
  func send(bytes: [UInt8]) throws {
    guard let file = tmpfile() else { throw NoFile() }
    defer { fclose(file) }
    _ = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    rewind(file)
    while try ingestion.read(from: fileno(file)) != .endOfFile {}
  }

  func send(_ frames: MessagePackValue...) throws { try send(bytes: frames.flatMap(\.frame)) }

  /// The next event in order.
  func event(
    _ type: String = "item", _ payload: MessagePackValue = .object(["item_type": "t", "data": .object([:])]),
    changing: [String: MessagePackValue] = [:]
  ) -> MessagePackValue {
    seq += 1
    var members: [(String, MessagePackValue)] = [
      ("contract_version", .string(Version.current)), ("event_id", .string("e\(seq)")), ("run_id", .string(Self.runID)),
      ("seq", .integer(seq)), ("type", .string(type)), ("ts", "2026-11-24T08:00:00.000Z"), ("payload", payload),
      ("attempt", .integer(1)),
    ]
    members.removeAll { changing[$0.0] != nil }
    members += changing.map { ($0.key, $0.value) }
    return .map(members.map { MessagePackValue.Pair(.string($0.0), $0.1) })
  }

  static func chunk(_ id: String, _ seq: Int64, last: Bool, _ data: [UInt8]) -> MessagePackValue {
    .object([
      "type": "artifact_chunk", "artifact_id": .string(id), "seq": .integer(seq), "is_last": .bool(last),
      "data": .binary(data),
    ])
  }

  func artifact(_ id: String, size: MessagePackValue) -> MessagePackValue {
    event(
      "artifact",
      .object(["artifact_id": .string(id), "name": "n", "content_type": "text/plain", "size_bytes": size]))
  }

  static func file(_ name: String, id: Int64 = 1, _ data: [UInt8] = [1]) -> MessagePackValue {
    .object([
      "type": "file_write", "write_id": .integer(id), "filename": .string(name), "content_type": "text/plain",
      "data": .binary(data),
    ])
  }

  /// The failure of an ingestion that must fail.
  func failure(_ body: () throws -> Void) -> IngestionFailure? {
    do {
      try body()
      return nil
    } catch {
      return error as? IngestionFailure
    }
  }
}

extension MessagePackValue {
  static func object(_ members: KeyValuePairs<String, MessagePackValue>) -> MessagePackValue {
    .map(members.map { Pair(.string($0.key), $0.value) })
  }

  /// With its length in front.
  var frame: [UInt8] {
    var writer = MessagePackWriter()
    write(to: &writer)
    return writer.frame
  }
}

extension MessagePackValue: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self = .string(value) }
}
