import Foundation
import S3Client
import TestSupport

// Objects in and out of a SeaweedFS on this machine, by this client and by boto3, in turn within one run.
// Usage: s3-benchmark [small objects, default 1000] [rounds, default 3]
let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
try S3Benchmark(objects: arguments.first ?? 1_000, rounds: arguments.dropFirst().first ?? 3).run()

struct S3Benchmark {
  let objects: Int
  let rounds: Int
  /// Bytes of the large object: four parts.
  private let large = 64 << 20

  /// Puts a second by one and by eight threads, megabytes a second up and down.
  private typealias Figures = [Double]
  private static let titles = [
    "puts of 1 KiB, one thread, a second", "puts of 1 KiB, eight threads, a second", "64 MiB in parts of 16, up, MB/s",
    "64 MiB, down, MB/s",
  ]

  init(objects: Int, rounds: Int) {
    self.objects = objects
    self.rounds = rounds
  }

  func run() throws {
    let upstream = try S3Server.seaweedFS.upstream()
    let endpoint = "http://\(upstream.address):\(upstream.port)"
    var (ours, theirs): ([Figures], [Figures]) = ([], [])
    for round in 0..<rounds {
      ours.append(try own(endpoint, prefix: "own-\(round)/"))
      theirs.append(try boto(endpoint, prefix: "boto-\(round)/"))
    }
    print("medians of \(rounds) rounds: this client, boto3, ratio")
    for (index, title) in Self.titles.enumerated() {
      let (own, other) = (median(ours.map { $0[index] }), median(theirs.map { $0[index] }))
      print("\(title): \(Int(own)), \(Int(other)), \((own / other * 100).rounded() / 100)")
    }
  }

  private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  private func own(_ endpoint: String, prefix: String) throws -> Figures {
    var configuration = S3Configuration(bucket: S3Server.bucket)
    (configuration.endpoint, configuration.region) = (endpoint, "us-east-1")
    let credentials = S3Credentials(
      accessKey: S3Server.accessKey, secretKey: S3Server.secretKey, source: "the benchmark")
    let client = try S3Client(configuration, environment: S3Environment([:]), credentials: .fixed(credentials))
    let small = [UInt8](repeating: 0x61, count: 1_024)
    try client.put(prefix + "first", small)
    let one = seconds { for number in 0..<objects { put(client, "\(prefix)a\(number)", small) } }
    let eight = seconds {
      onThreads(8) { thread in
        for number in 0..<objects / 8 { put(client, "\(prefix)b\(thread)-\(number)", small) }
      }
    }
    let bytes = [UInt8](repeating: 0x62, count: large)
    let upload = S3Upload(client, prefix + "large")
    let up = try seconds {
      try bytes.withUnsafeBytes { try upload.write($0) }
      _ = try upload.finish()
    }
    var count = 0
    let down = try seconds {
      try client.read(prefix + "large") { piece in
        count += piece.count
        return true
      }
    }
    guard count == large else { fatalError("\(count) bytes came back") }
    let megabytes = Double(large) / 1e6
    return [Double(objects) / one, Double(objects / 8 * 8) / eight, megabytes / up, megabytes / down]
  }

  private func put(_ client: S3Client, _ key: String, _ bytes: [UInt8]) {
    do throws(S3Error) { try client.put(key, bytes) } catch { fatalError("\(error)") }
  }

  private func boto(_ endpoint: String, prefix: String) throws -> Figures {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "PYTHONPATH=\(BuiltProducts.root)/.tools/moto", "PYTHONDONTWRITEBYTECODE=1",
      "AWS_ACCESS_KEY_ID=\(S3Server.accessKey)", "AWS_SECRET_ACCESS_KEY=\(S3Server.secretKey)", "python3",
      "\(BuiltProducts.root)/Benchmarks/s3/boto.py", endpoint, S3Server.bucket, prefix, String(objects), String(large),
    ]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let figures = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    guard process.terminationStatus == 0, figures.count == Self.titles.count else {
      fatalError("boto3 failed: \(text)")
    }
    return figures
  }

  private func seconds(_ work: () throws -> Void) rethrows -> Double {
    let elapsed = try ContinuousClock().measure(work)
    return elapsed / .seconds(1)
  }
}
