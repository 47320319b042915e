/// An authority, a certificate of a server (for `localhost` and 127.0.0.1) and one of a client, signed by it.
package final class Certificates: Sendable {
  private let folder = TemporaryDirectory()

  package init() throws {
    try make("authority", ["-subj", "/CN=the tests' authority"])
    let leaf = ["-CA", authority, "-CAkey", key("authority"), "-addext", "basicConstraints=critical,CA:FALSE"]
    try make("server", leaf + ["-subj", "/CN=server", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
    try make("client", leaf + ["-subj", "/CN=client"])
  }

  package var authority: String { certificate("authority") }

  /// - Parameter name: `server` or `client`.
  package func certificate(_ name: String) -> String { "\(folder.path)/\(name).pem" }
  package func key(_ name: String) -> String { "\(folder.path)/\(name).key" }

  /// The client's key once more, under a password.
  package func lockedKey() throws -> String {
    try ShortProgram.run([
      "/usr/bin/openssl", "pkey", "-in", key("client"), "-aes256", "-passout", "pass:locked", "-out", key("locked"),
    ])
    return key("locked")
  }

  private func make(_ name: String, _ more: [String]) throws {
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    try ShortProgram.run(
      ["/usr/bin/openssl", "req", "-x509"] + curve + ["-nodes", "-days", "2"] + more
        + ["-keyout", key(name), "-out", certificate(name)])
  }
}
