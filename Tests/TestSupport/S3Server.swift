import Foundation

/// A real S3 server with one bucket, started by the first test that asks and gone with the test process.
package enum S3Server: String, Sendable, CaseIterable {
  /// Checks signatures, keeps connections.
  case seaweedFS
  /// Takes any signature, closes connections.
  case moto

  package static let bucket = "quarry-tests"
  package static let accessKey = "AKIDTESTS"
  package static let secretKey = "the-secret-key-of-the-tests"

  /// - Throws: why it does not run.
  package func upstream() throws -> HTTPServer.Upstream {
    switch self {
    case .seaweedFS: try Self.seaweed.get().upstream
    case .moto: try Self.motoServer.get().upstream
    }
  }

  /// SeaweedFS over TLS, by a certificate for `localhost` that nobody trusts.
  package static func secure() throws -> (url: String, certificate: String) {
    let running = try seaweed.get()
    return ("https://localhost:\(running.securePort)", running.certificate)
  }

  private struct Running: Sendable {
    let upstream: HTTPServer.Upstream
    let process: ServerProcess
    var securePort: UInt16 = 0
    var certificate = ""
  }

  private static let seaweed = Result { try startSeaweed() }
  private static let motoServer = Result { try startMoto() }

  private static func tool(_ path: String) throws -> String {
    let path = "\(BuiltProducts.root)/.tools/\(path)"
    guard access(path, R_OK) == 0 else {
      throw ServerProcess.Failure(description: "\(path) is missing; install it: scripts/setup --checks")
    }
    return path
  }

  private static func startSeaweed() throws -> Running {
    let folder = try makeFolder()
    let ports = try PortBlock.free(count: 9)
    try identities.write(toFile: "\(folder)/identities.json", atomically: false, encoding: .utf8)
    var command = [try tool("seaweedfs/bin/weed"), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-dir=\(folder)"]
    command += ["-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=100", "-filer", "-s3"]
    for (index, part) in ["master", "volume", "filer", "s3"].enumerated() {
      command += ["-\(part).port=\(ports[index])", "-\(part).port.grpc=\(ports[index + 4])"]
    }
    command += ["-filer.localSocket=\(folder)/filer", "-s3.localSocket=\(folder)/s3"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.domainName=localhost"]
    command.append("-s3.config=\(folder)/identities.json")
    try makeCertificate(folder)
    command += ["-s3.port.https=\(ports[8])", "-s3.cert.file=\(folder)/cert.pem", "-s3.key.file=\(folder)/key.pem"]
    let process = try ServerProcess(
      command, ready: "Start Seaweed S3 API Server",
      leftovers: [folder] + ports[4..<8].map { "/tmp/seaweedfs-*-\($0).sock" })
    // It takes no object before its parts have found each other.
    let master = HTTPServer.Upstream(address: "127.0.0.1", port: ports[0])
    try wait(for: process, "room for objects") { master.send("GET", "/dir/assign?collection=\(bucket)") == 200 }
    let filer = HTTPServer.Upstream(address: "127.0.0.1", port: ports[2])
    try wait(for: process, "a bucket") { filer.send("POST", "/buckets/\(bucket)/") == 201 }
    let upstream = HTTPServer.Upstream(address: "127.0.0.1", port: ports[3])
    try wait(for: process, "an answer") { upstream.send("GET", "/status") != nil }
    return Running(
      upstream: upstream, process: process, securePort: ports[8], certificate: "\(folder)/cert.pem")
  }

  private static func makeCertificate(_ folder: String) throws {
    try ShortProgram.run([
      "/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
      "-addext", "subjectAltName=DNS:localhost", "-keyout", "\(folder)/key.pem", "-out", "\(folder)/cert.pem",
    ])
  }

  private static func startMoto() throws -> Running {
    let port = try PortBlock.free(count: 1)[0]
    let command = [
      "/usr/bin/env", "PYTHONPATH=\(try tool("moto"))", "PYTHONDONTWRITEBYTECODE=1", "AWS_DEFAULT_REGION=us-east-1",
      "python3", "-m", "moto.server", "-H", "127.0.0.1", "-p", String(port),
    ]
    let process = try ServerProcess(command, ready: "Running on http")
    let upstream = HTTPServer.Upstream(address: "127.0.0.1", port: port)
    try wait(for: process, "a bucket") { upstream.send("PUT", "/\(bucket)") == 200 }
    return Running(upstream: upstream, process: process)
  }

  /// A server says that it listens before all of it does.
  private static func wait(for process: ServerProcess, _ what: String, _ isThere: () -> Bool) throws {
    let end = Date.now + 120
    while !isThere() {
      guard Date.now < end, kill(process.processID, 0) == 0 else {
        throw ServerProcess.Failure(description: "the S3 server has started and does not give \(what)")
      }
      usleep(50_000)
    }
  }

  private static func makeFolder() throws -> String {
    var template = Array("/tmp/quarry-s3-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw ServerProcess.Failure(description: "mkdtemp failed") }
    return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static var identities: String {
    """
    {"identities": [{"name": "tests", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
      "credentials": [{"accessKey": "\(accessKey)", "secretKey": "\(secretKey)"}]}]}
    """
  }
}
