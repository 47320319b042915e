import Foundation
import QuarryCore
import Synchronization
import TestSupport
import Testing

/// `quarry` with its dataset in a bucket of a real S3 server.
@Suite struct BucketTests {
  /// Flags and variables that lead to a part of a server's bucket that no other test uses.
  struct Bucket {
    let path = "\(S3Server.bucket)/\(UUID().uuidString)"
    let flags: [String]
    var environment = ["AWS_ACCESS_KEY_ID": S3Server.accessKey, "AWS_SECRET_ACCESS_KEY": S3Server.secretKey]

    init(_ server: S3Server, through proxy: HTTPServer? = nil) throws {
      let upstream = try server.upstream()
      flags = [
        "--storage-backend", "s3", "--storage-path", path, "--storage-endpoint",
        proxy?.url ?? "http://\(upstream.address):\(upstream.port)",
      ]
    }

    func quarry(_ harness: borrowing RunHarness, _ arguments: String...) async throws -> ProcessResult {
      try await harness.start(arguments + flags, environment: environment).finish(within: .seconds(120))
    }

    func read(_ harness: borrowing RunHarness, _ arguments: String...) async throws -> JSONValue {
      let result = try await harness.start(arguments + flags + ["--format", "json"], environment: environment)
        .finish(within: .seconds(120))
      #expect(result.exitCode == 0, "\(arguments): \(result.standardError)")
      return try JSONParser.parse(result.standardOutput)
    }

    func expectSound(_ harness: borrowing RunHarness) async throws {
      let answer = try await read(harness, "lode", "verify")
      #expect(answer["state"] == "clean", "\(answer)")
    }

    /// Holds the artifact and the file of `script`'s run `r-1` to come out as they went in, and the dataset to be whole.
    /// - Returns: what the artifact's way out said.
    @discardableResult
    func expectContent(_ harness: borrowing RunHarness) async throws -> ProcessResult {
      let artifact = try await quarry(harness, "artifact", "get", "r-1", "page.bin")
      #expect(artifact.exitCode == 0, "\(artifact.standardError)")
      let bytes = try Data(contentsOf: URL(fileURLWithPath: harness.path + "/page.bin"))
      #expect(bytes == Data(repeating: 7, count: 3_000_000))
      let file = try await quarry(harness, "artifact", "get", "r-1", "a.txt", "-o", "-")
      #expect(file.standardOutput == "hello")
      try await expectSound(harness)
      return artifact
    }
  }

  private static let script = """
    export const config = { browser: false };
    export default async ({ emit, storage }) => {
      const secrets = Object.entries(process.env).filter(([name]) => /^AWS_.*(KEY|TOKEN|PROFILE|CREDENTIALS|CONFIG)/.test(name));
      await emit.item({ item_type: 'secrets', data: { count: secrets.length } });
      await emit.artifact({ name: 'page.bin', content_type: 'application/octet-stream', data: Buffer.alloc(3_000_000, 7) });
      await storage.put({ filename: 'a.txt', content_type: 'text/plain', data: Buffer.from('hello') });
      await emit.item({ item_type: 'last', data: {} });
    };

    """

  /// The store takes the question and says nothing.
  @Test func whoeverWaitsForAStoreMayEndIt() async throws {
    let harness = try RunHarness()
    let (asked, asking) = AsyncStream<Void>.makeStream()
    let proxy = try HTTPServer { _, _ in
      asking.yield()
      return .silence
    }
    let bucket = try Bucket(.moto, through: proxy)
    let script = try harness.script("page.ts", Self.script)
    let process = try harness.start(["run", "--script", script] + bucket.flags, environment: bucket.environment)
    for await _ in asked { break }
    process.send(SIGINT)
    let result = try await process.finish(within: .seconds(120))
    #expect(result.exitCode == 2, "\(result.standardError)")
    #expect(result.standardError.contains("quarry: interrupted before anything began"))
  }

  /// The store takes what is put into it and says nothing; what it was asked is done when it answers again.
  @Test(.timeLimit(.minutes(10))) func aStoreThatSaysNothingToTheLeaderIsNamed() async throws {
    let harness = try RunHarness()
    let redis = try RedisServer.start()
    let upstream = try S3Server.moto.upstream()
    let isSilent = Mutex(false)
    let proxy = try HTTPServer { request, _ in
      request.line.hasPrefix("PUT") && isSilent.withLock { $0 } ? .silence : .relay(to: upstream)
    }
    let bucket = try Bucket(.moto, through: proxy)
    try harness.script("root.ts", "export default () => {};\n")
    let coordinator = try harness.start(
      ["coordinator", "--redis", redis.url, "--fleet", "t", "--script-root", harness.path] + bucket.flags,
      environment: bucket.environment)
    try await coordinator.waitForError("leading the fleet", within: .seconds(120))
    func waitForHealth(_ isAsked: (String) -> Bool) async throws {
      while try !isAsked(redis.ask("HGET", "quarry:{t}:meta", "leader_health")) {
        try await Task.sleep(for: .milliseconds(50))
      }
    }
    isSilent.withLock { $0 = true }
    try redis.ask("RPUSH", "quarry:{t}:submissions", #"{"script":"root.ts","job_id":"j"}"#)
    try await coordinator.waitForError("storage has been waited for these ", within: .seconds(300))
    try await waitForHealth { $0.contains("storage has been waited for these ") && $0.contains("ledger of job j;") }
    isSilent.withLock { $0 = false }
    try await coordinator.waitForError("storage is waited for no longer", within: .seconds(300))
    try await coordinator.waitForError("job j submitted", within: .seconds(300))
    try await waitForHealth { !$0.contains("storage") }
    coordinator.send(SIGTERM)
    #expect(try await coordinator.finish(within: .seconds(120)).exitCode == 0)
  }

  /// One signal is enough; what it was about to record is recorded by the next one.
  @Test(.timeLimit(.minutes(10))) func aLeaderThatIsToldToStopDoesNotWaitForASilentStore() async throws {
    let harness = try RunHarness()
    let redis = try RedisServer.start()
    let upstream = try S3Server.moto.upstream()
    let isSilent = Mutex(false)
    let (asked, asking) = AsyncStream<Void>.makeStream()
    let proxy = try HTTPServer { request, _ in
      guard request.line.hasPrefix("PUT"), isSilent.withLock({ $0 }) else { return .relay(to: upstream) }
      asking.yield()
      return .silence
    }
    let bucket = try Bucket(.moto, through: proxy)
    try harness.script("root.ts", "export default () => {};\n")
    func start() async throws -> RunningProcess {
      let coordinator = try harness.start(
        ["coordinator", "--redis", redis.url, "--fleet", "t", "--script-root", harness.path] + bucket.flags,
        environment: bucket.environment)
      try await coordinator.waitForError("leading the fleet", within: .seconds(120))
      return coordinator
    }
    let stuck = try await start()
    isSilent.withLock { $0 = true }
    try redis.ask("RPUSH", "quarry:{t}:submissions", #"{"script":"root.ts","job_id":"j"}"#)
    for await _ in asked { break }
    stuck.send(SIGTERM)
    let end = try await stuck.finish(within: .seconds(120))
    #expect(end.exitCode == 1, "\(end.standardError)")
    #expect(
      end.standardError.contains("not stopped within 15.0s: storage has been waited for these "), "\(end.standardError)"
    )
    #expect(end.standardError.contains("asked for the ledger of job j;"), "\(end.standardError)")

    isSilent.withLock { $0 = false }
    let next = try await start()
    try await next.waitForError("job j submitted", within: .seconds(300))
    next.send(SIGTERM)
    #expect(try await next.finish(within: .seconds(120)).exitCode == 0)
  }

  @Test(arguments: S3Server.allCases) func aRunAndAllThatIsSaidOfIt(_ server: S3Server) async throws {
    let harness = try RunHarness()
    let bucket = try Bucket(server)
    let script = try harness.script("page.ts", Self.script)
    let run = try await bucket.quarry(harness, "run", "--script", script, "--run-id", "r-1", "--report", "report.json")
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(run.standardError.contains("--storage-backend s3"))
    let again = try await bucket.quarry(harness, "run", "--script", script, "--run-id", "r-1")
    #expect(again.exitCode == 2 && again.standardError.contains("'r-1' is taken: s3://\(bucket.path)/datasets/"))

    #expect(try await bucket.read(harness, "list", "runs").array?.map { $0["run_id"] } == ["r-1"])
    let detail = try await bucket.read(harness, "inspect", "run", "r-1")
    #expect(detail["state"] == "succeeded" && detail["sidecar_files"]?.array?.count == 1, "\(detail)")
    let items = try await bucket.quarry(harness, "cat", "--type", "item", "--field", "data.count")
    #expect(items.standardOutput == "0\n", "no credentials in a script's environment: \(items.standardError)")
    let metrics = try await bucket.quarry(harness, "cat", "--type", "metrics")
    #expect(metrics.standardOutput.contains(#""storage_backend":"s3""#))
    let artifact = try await bucket.expectContent(harness)
    let gc = try await bucket.read(harness, "lode", "gc", "--dry-run")
    #expect(gc["removable"] == 0 && gc["dataset"] == .string("s3://\(bucket.path)/datasets/quarry"), "\(gc)")
    let said = [run, again, items, metrics, artifact].map { $0.standardOutput + $0.standardError }.joined()
    let report = try String(contentsOfFile: harness.path + "/report.json", encoding: .utf8)
    #expect(!(said + report).contains(S3Server.secretKey))
  }

  @Test(.timeLimit(.minutes(3)), arguments: S3Server.allCases)
  func manyProcessesNeverFailEachOther(_ server: S3Server) async throws {
    let harness = try RunHarness()
    let bucket = try Bucket(server)
    let script = try harness.script("numbers.ts", RunCommandTests.plain)
    let running = try (0..<6).map { index in
      try harness.start(
        ["run", "--script", script, "--run-id", "run-\(index)", "--job", "{\"count\":5}"] + bucket.flags,
        environment: bucket.environment)
    }
    for process in running {
      let result = try await process.finish(within: .seconds(150))
      #expect(result.exitCode == 0, "\(result.standardError)")
    }
    let items = try await bucket.quarry(harness, "cat", "--type", "item")
    #expect(items.standardOutput.split(separator: "\n").count == 30, "\(items.standardError)")
    try await bucket.expectSound(harness)
  }

  @Test func fanOutStoresEveryRun() async throws {
    let harness = try RunHarness()
    let bucket = try Bucket(.seaweedFS)
    try harness.script("tree.ts", FleetCommandTests.tree)
    let result = try await harness.start(
      ["run", "--script", "tree.ts", "--depth", "1", "--max-runs", "5", "--parallel", "2"] + bucket.flags,
      environment: bucket.environment
    ).finish(within: .seconds(120))
    let runs = try await bucket.read(harness, "list", "runs").array ?? []
    #expect(runs.count >= 3, "\(result.standardError)")
    try await bucket.expectSound(harness)
  }

  @Test(.timeLimit(.minutes(3))) func aFleetKeepsItsLedgerThere() async throws {
    let harness = try RunHarness()
    let bucket = try Bucket(.seaweedFS)
    try harness.script("tree.ts", FleetCommandTests.tree)
    var environment = bucket.environment
    environment["XDG_STATE_HOME"] = harness.path + "/state"
    environment["XDG_RUNTIME_DIR"] = harness.path
    let common = ["--fleet", "t", "--script-root", harness.path] + bucket.flags
    var workers: [RunningProcess] = []
    for _ in 0..<2 {
      let worker = try harness.start(["worker", "--concurrency", "2"] + common, environment: environment)
      try await worker.waitForError("serves fleet 't' with 2 slots")
      workers.append(worker)
    }
    let result = try await harness.start(
      [
        "coordinator", "--script", "tree.ts", "--job-id", "job-1", "--depth", "2", "--max-runs", "100", "--allow-dead",
        "2", "--attempts", "2", "--retry-base", "50ms", "--retry-cap", "50ms", "--lease", "10s",
      ] + common, environment: environment
    ).finish(within: .seconds(120))
    #expect(result.exitCode == 0, "\(result.standardError)")
    for worker in workers {
      worker.send(SIGTERM)
      _ = try await worker.finish(within: .seconds(60))
    }
    let tasks = try await bucket.read(harness, "list", "tasks").array ?? []
    #expect(tasks.filter { $0["state"] == "done" }.count == 7)
    let accepted = try await bucket.quarry(harness, "cat", "--accepted", "--job", "job-1", "--type", "item")
    #expect(accepted.standardOutput.split(separator: "\n").count == 7, "\(accepted.standardError)")
    try await bucket.expectSound(harness)
    try await expectNoGuess(bucket, harness)
  }

  /// Where the ledger is refused, nothing is said in its place.
  private func expectNoGuess(_ bucket: Bucket, _ harness: borrowing RunHarness) async throws {
    let upstream = try S3Server.seaweedFS.upstream()
    let proxy = try HTTPServer { request, _ in
      request.line.contains("_fleet") && request.line.contains("/data/data")
        ? .status(403, body: "<Error><Code>InvalidObjectState</Code></Error>") : .relay(to: upstream)
    }
    let refusing = try Bucket(.seaweedFS, through: proxy)
    let flags = refusing.flags.map { $0 == refusing.path ? bucket.path : $0 }
    for (command, code) in [
      (["cat", "--accepted", "--job", "job-1", "--type", "item"], 2), (["inspect", "job", "job-1"], 1),
    ] {
      let result = try await harness.start(command + flags, environment: bucket.environment)
        .finish(within: .seconds(120))
      #expect(result.exitCode == code, "\(result)")
      #expect(
        result.standardError.contains("the ledger of job job-1 cannot be read whole: cannot get s3://\(bucket.path)/"),
        "\(result)")
      #expect(result.standardError.contains("InvalidObjectState (403); the store gives others"), "\(result)")
      if code == 2 {
        #expect(result.standardOutput.isEmpty)
      } else {
        let job = try JSONParser.parse(result.standardOutput)
        #expect(job["tasks"] == .null && job["runs"]?.array?.isEmpty == false, "\(job)")
      }
    }
  }

  /// A process that is killed in the middle of its commits leaves a sound dataset, and the next goes on.
  @Test(.timeLimit(.minutes(3))) func aKilledProcessLeavesASoundDataset() async throws {
    let harness = try RunHarness()
    let upstream = try S3Server.moto.upstream()
    let script = try harness.script("numbers.ts", RunCommandTests.plain)
    // Its requests stand still from this one on, until the process is gone.
    for point in [9, 11, 13] {
      let proxy = try HTTPServer { _, number in number < point + 7 ? .relay(to: upstream) : .silence }
      let (bucket, stuck) = (try Bucket(.moto), try Bucket(.moto, through: proxy))
      let flags = stuck.flags.map { $0 == stuck.path ? bucket.path : $0 }
      let process = try harness.start(
        ["run", "--script", script, "--job", "{\"count\":5}"] + flags, environment: bucket.environment)
      while proxy.requests.count < point + 7 { try await Task.sleep(for: .milliseconds(20)) }
      process.send(SIGKILL)
      _ = try await process.finish()
      let next = try await bucket.quarry(harness, "run", "--script", script, "--job", "{\"count\":2}")
      #expect(next.exitCode == 0, "\(next.standardError)")
      try await bucket.expectSound(harness)
    }
  }

  /// A session token that the store takes for a while only, from a host that hands out the next one, or none.
  @Test(.timeLimit(.minutes(5)), arguments: [true, false])
  func aSessionMayEndInTheMiddleOfARun(_ isRenewed: Bool) async throws {
    let harness = try RunHarness()
    let upstream = try S3Server.moto.upstream()
    let vendor = try HTTPServer { _, number in
      guard number == 1 || isRenewed else { return .status(404) }
      let expiration = #""Expiration":"2999-01-01T00:00:00Z""#
      return .status(
        200,
        body:
          #"{"AccessKeyId":"AKID\#(number)","SecretAccessKey":"secret-\#(number)","Token":"session-\#(number)",\#(expiration)}"#
      )
    }
    let moves = Mutex(0)
    let proxy = try HTTPServer { request, _ in
      let isOver = moves.withLock { count in
        if request.line.hasPrefix("PUT"), request.line.contains("/latest ") { count += 1 }
        return count > 4
      }
      guard isOver, request.headers["x-amz-security-token"] == "session-1" else { return .relay(to: upstream) }
      return .status(400, body: "<Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>")
    }
    let direct = try Bucket(.moto)
    let flags = try Bucket(.moto, through: proxy).flags.map { $0.hasPrefix(S3Server.bucket) ? direct.path : $0 }
    // Each file is stored before the next item is emitted.
    let script = try harness.script(
      "numbers.ts",
      """
      export const config = { browser: false };
      export default async ({ emit, storage }) => {
        for (let n = 0; n < 9; n += 1) {
          await emit.item({ item_type: 'number', data: { n } });
          await storage.put({ filename: `${n}.txt`, content_type: 'text/plain', data: Buffer.from('hello') });
        }
      };

      """)
    let run = try await harness.start(
      ["run", "--script", script, "--run-id", "r-1", "--report", "report.json"] + flags,
      environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(vendor.url)/credentials"]
    ).finish(within: .seconds(240))

    let text = try String(contentsOfFile: harness.path + "/report.json", encoding: .utf8)
    let policy = try #require(try JSONParser.parse(text)["policy"])
    let items = try await direct.quarry(harness, "cat", "--type", "item", "--field", "data.n")
    let stored = items.standardOutput.split(separator: "\n").compactMap { Int($0) }
    #expect(stored == Array(0..<stored.count) && policy["events_dropped"] == 0)
    if isRenewed {
      #expect(run.exitCode == 0 && stored.count == 9, "\(run.standardError)")
      #expect(Set(proxy.requests.map { $0.headers["x-amz-security-token"] }) == ["session-1", "session-2"])
      #expect(policy["events_persisted"] == policy["events_received"])
      try await direct.expectSound(harness)
    } else {
      #expect(run.exitCode == 3, "\(run.standardError)")
      #expect(run.standardError.contains("the container's credentials are refused with 404"), "\(run.standardError)")
      #expect((2..<9).contains(stored.count) && policy["events_persisted"] == .integer(Int64(stored.count)))
      let detail = try await direct.read(harness, "inspect", "run", "r-1", "--lost-after", "1s")
      #expect(detail["state"] != "succeeded", "\(detail)")
    }
    #expect(!(run.standardError + run.standardOutput + text).contains("secret-"))
    #expect(!(run.standardError + run.standardOutput + text).contains("session-"))
  }

  /// One that the store refuses is named, and the rest is read; where it refuses everything, that is said.
  @Test func aRefusedManifestHidesNothing() async throws {
    let harness = try RunHarness()
    let upstream = try S3Server.moto.upstream()
    let refused = Mutex<String?>(nil)
    let proxy = try HTTPServer { request, _ in
      let isRefused = refused.withLock { $0.map { request.line.contains($0) } ?? false }
      return isRefused
        ? .status(403, body: "<Error><Code>InvalidObjectState</Code></Error>") : .relay(to: upstream)
    }
    let bucket = try Bucket(.moto, through: proxy)
    let script = try harness.script("numbers.ts", RunCommandTests.plain)
    for id in ["r-1", "r-2"] {
      let run = try await bucket.quarry(harness, "run", "--script", script, "--run-id", id, "--job", "{\"count\":1}")
      #expect(run.exitCode == 0, "\(run.standardError)")
    }
    let written = try #require(
      proxy.requests.first { $0.line.hasPrefix("PUT") && $0.line.contains("/datasets/quarry/segments/") })
    let key = try #require(written.line.split(separator: " ").dropFirst().first.map(String.init))
    let place = try #require(key.range(of: "datasets/quarry/segments/")).lowerBound
    refused.withLock { $0 = String(key[place...]) }
    for command in [
      ["list", "runs"], ["cat", "--type", "item"], ["lode", "verify"], ["lode", "repair", "--dry-run"],
    ] {
      let result = try await harness.start(command + bucket.flags, environment: bucket.environment)
        .finish(within: .seconds(120))
      #expect(result.exitCode == 1, "\(result)")
      #expect((result.standardError + result.standardOutput).contains(key[place...]), "\(result)")
      if command[0] == "list" {
        #expect(result.standardOutput.contains("r-1") && result.standardOutput.contains("r-2"))
      }
      if command[0] == "cat" { #expect(result.standardOutput.split(separator: "\n").count == 2, "\(result)") }
    }
    refused.withLock { $0 = " " }
    for command in [["list", "runs"], ["cat"], ["lode", "verify"], ["lode", "repair", "--dry-run"]] {
      let result = try await harness.start(command + bucket.flags, environment: bucket.environment)
        .finish(within: .seconds(120))
      #expect(result.exitCode == 2 && result.standardOutput.isEmpty, "\(result)")
      #expect(result.standardError.contains("InvalidObjectState"), "\(result)")
    }
  }

  /// Compressed and checked data, as it goes to a bucket and comes out of it.
  @Test(arguments: S3Server.allCases, ["gzip", "zstd"])
  func everyFormGoesAndComes(_ server: S3Server, _ compression: String) async throws {
    let harness = try RunHarness()
    let upstream = try server.upstream()
    let proxy = try HTTPServer { _, _ in .relay(to: upstream) }
    let bucket = try Bucket(server, through: proxy)
    let script = try harness.script("page.ts", Self.script)
    let run = try await bucket.quarry(
      harness, "run", "--script", script, "--run-id", "r-1", "--storage-compression", compression,
      "--storage-checksum", "md5")
    #expect(run.exitCode == 0, "\(run.standardError)")
    let written = proxy.requests.filter { $0.line.hasPrefix("PUT") || $0.line.hasPrefix("POST") }
    #expect(written.contains { $0.line.contains("/data/data.\(compression == "gzip" ? "gz" : "zst")") })
    #expect(!written.contains { $0.line.contains("/data/data ") })
    let manifests = written.filter { $0.line.contains("/manifest.json ") }
    #expect(manifests.allSatisfy { $0.body.contains("\"compressor\": \"\(compression)\"") })
    #expect(manifests.allSatisfy { $0.body.contains("\"checksum_algorithm\": \"md5\"") })

    let items = try await bucket.quarry(harness, "cat", "--type", "item", "--field", "item_type", "--raw")
    #expect(items.standardOutput == "secrets\nlast\n", "\(items.standardError)")
    try await bucket.expectContent(harness)
  }

  /// The index of a bucket's runs is this user's, on this machine.
  @Test func theIndexLiesInTheCache() async throws {
    let harness = try RunHarness()
    var bucket = try Bucket(.moto)
    bucket.environment["XDG_CACHE_HOME"] = harness.path + "/cache"
    let script = try harness.script("numbers.ts", RunCommandTests.plain)
    let run = try await bucket.quarry(harness, "run", "--script", script, "--job", "{\"count\":2}")
    #expect(run.exitCode == 0, "\(run.standardError)")
    let without = try await bucket.read(harness, "list", "runs", "--state", "succeeded")
    let made = try await bucket.read(harness, "lode", "index")
    #expect(made["index"]?.string?.hasPrefix(harness.path + "/cache/quarry/lode/") == true, "\(made)")
    #expect(made["runs"] == 1)
    #expect(try await bucket.read(harness, "lode", "index")["snapshots_read"] == 0)
    #expect(try await bucket.read(harness, "list", "runs", "--state", "succeeded") == without)
    try await bucket.expectSound(harness)
  }

  @Test func whatCannotBeIsRefusedBeforeItBegins() async throws {
    let harness = try RunHarness()
    let script = try harness.script("numbers.ts", RunCommandTests.plain)
    let upstream = try S3Server.moto.upstream()
    let proxy = try HTTPServer { _, _ in .relay(to: upstream, without: ["if-none-match", "if-match"]) }
    let careless = try Bucket(.moto, through: proxy)
    let refused = try await careless.quarry(harness, "run", "--script", script)
    #expect(refused.exitCode == 2 && refused.standardError.contains("--storage-s3-single-writer"), "\(refused)")
    let single = try await careless.quarry(harness, "run", "--script", script, "--storage-s3-single-writer")
    #expect(single.exitCode == 0, "\(single.standardError)")
    try await careless.expectSound(harness)
    for command in ["gc", "repair"] {
      let refused = try await careless.quarry(harness, "lode", command, "--yes")
      #expect(refused.exitCode == 2 && refused.standardError.contains("--storage-s3-single-writer"), "\(refused)")
      let single = try await careless.quarry(harness, "lode", command, "--yes", "--storage-s3-single-writer")
      #expect(single.exitCode == 0, "\(single)")
    }

    var nobody = try Bucket(.seaweedFS)
    nobody.environment = ["AWS_EC2_METADATA_DISABLED": "true", "HOME": harness.path]
    let anonymous = try await nobody.quarry(harness, "run", "--script", script)
    #expect(anonymous.exitCode == 2 && anonymous.standardError.contains("AWS_ACCESS_KEY_ID"), "\(anonymous)")
    #expect(anonymous.standardError.components(separatedBy: "set AWS_ACCESS_KEY_ID").count == 2, "\(anonymous)")
    var wrong = try Bucket(.seaweedFS)
    wrong.environment["AWS_SECRET_ACCESS_KEY"] = "not-the-right-one"
    let denied = try await wrong.quarry(harness, "list", "runs")
    #expect(denied.exitCode != 0 && !denied.standardError.contains("not-the-right-one"), "\(denied)")
    #expect(denied.standardError.contains("asked with credentials of the environment"), "\(denied)")
    let missing = try await harness.start(
      [
        "run", "--script", script, "--storage-backend", "s3", "--storage-path", "no-such-bucket", "--storage-endpoint",
        nobody.flags[5],
      ], environment: careless.environment
    ).finish()
    #expect(missing.exitCode == 2 && missing.standardError.contains("make the bucket"), "\(missing)")
    let away = try await harness.start(
      [
        "list", "runs", "--storage-backend", "s3", "--storage-path", "away", "--storage-endpoint",
        "http://127.0.0.1:1",
      ],
      environment: careless.environment
    ).finish()
    #expect(away.exitCode != 0 && away.standardError.contains("on the way to http://127.0.0.1:1"), "\(away)")
    let onDisk = try await harness.quarry("list", "runs", "--storage-endpoint", "http://localhost")
    #expect(onDisk.exitCode == 2 && onDisk.standardError.contains("add --storage-backend s3"))
  }

  /// The way to the store is the profile's, and of what is lost on it also a quiet run tells.
  @Test func aProfileNamesTheStore() async throws {
    let harness = try RunHarness()
    let upstream = try S3Server.moto.upstream()
    let proxy = try HTTPServer { request, _ in
      let isMetrics = request.line.hasPrefix("PUT") && request.line.contains("event_type%3Dmetrics")
      return isMetrics ? .status(403, body: "<Error><Code>AccessDenied</Code></Error>") : .relay(to: upstream)
    }
    try harness.script("aws.ini", "[profile local]\nendpoint_url = \(proxy.url)\nregion = eu-central-1\n")
    var bucket = try Bucket(.moto)
    bucket.environment["AWS_CONFIG_FILE"] = harness.path + "/aws.ini"
    bucket.environment["AWS_PROFILE"] = "local"
    let script = try harness.script("numbers.ts", RunCommandTests.plain)
    let run = try await harness.start(
      ["run", "--script", script, "--quiet", "--job", "{\"count\":1}"] + bucket.flags.prefix(4),
      environment: bucket.environment
    ).finish(within: .seconds(120))
    #expect(run.exitCode == 0 && run.standardError.contains("was not stored: cannot put s3://"), "\(run)")
    #expect(run.standardError.split(separator: "\n").count == 1, "\(run)")
    let items = try await bucket.quarry(harness, "cat", "--type", "item")
    #expect(items.standardOutput.split(separator: "\n").count == 1, "\(items.standardError)")
  }

  @Test func aConfigurationNamesTheBucket() async throws {
    let harness = try RunHarness()
    let bucket = try Bucket(.moto)
    let script = try harness.script("numbers.ts", RunCommandTests.plain)
    try harness.script(
      "quarry.yaml",
      """
      storage:
        backend: s3
        path: \(bucket.path)
        endpoint: \(bucket.flags[5])
        region: eu-central-1
        s3_path_style: true

      """)
    let run = try await harness.start(
      ["run", "--script", script, "--config", "quarry.yaml"], environment: bucket.environment
    ).finish(within: .seconds(60))
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(try await bucket.read(harness, "list", "runs").array?.count == 1)
    let check = try await harness.start(["config", "check", "quarry.yaml"], environment: bucket.environment).finish()
    #expect(check.exitCode == 0 && check.standardOutput.contains(bucket.path), "\(check)")
  }
}
