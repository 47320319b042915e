import Glibc
import QuarryCore

/// What `browser.json` says of the shared browser.
///
/// The broker's shepherd holds a lock on the very file that tells of it. The kernel gives it back when the shepherd
/// dies, and a later record is another file: whoever finds the lock free has found the record of a dead process,
/// whatever process has its number by now.
struct BrowserRecord: Equatable {
  var endpoint: String
  /// Of the broker.
  var pid: Int64
  /// SHA-256 of the proxy's address and user, in hex; empty for none.
  var proxyHash: String
  /// SHA-256 of what else the browser was started with, in hex.
  var settingsHash: String
  /// ISO 8601, UTC.
  var startedAt: String

  var jsonText: String {
    var out: [UInt8] = [UInt8(ascii: "{")]
    JSONText.appendMember("ws_endpoint", endpoint, to: &out)
    JSONText.appendMember("pid", pid, to: &out)
    JSONText.appendMember("proxy_hash", proxyHash, to: &out)
    JSONText.appendMember("settings_hash", settingsHash, to: &out)
    JSONText.appendMember("started_at", startedAt, to: &out)
    return String(decoding: out, as: UTF8.self) + "}\n"
  }

  init(endpoint: String, pid: Int64, proxyHash: String, settingsHash: String, startedAt: String) {
    self.endpoint = endpoint
    self.pid = pid
    self.proxyHash = proxyHash
    self.settingsHash = settingsHash
    self.startedAt = startedAt
  }

  /// Nil when the text is not a record of this kind, whoever wrote it.
  init?(jsonText: [UInt8]) {
    // Anybody may have written the file: what is no JSON is no record either.
    guard let object = try? JSONParser.parse(jsonText), let endpoint = object["ws_endpoint"]?.string,
      let pid = object["pid"]?.integer, let startedAt = object["started_at"]?.string
    else { return nil }
    self.init(
      endpoint: endpoint, pid: pid, proxyHash: object["proxy_hash"]?.string ?? "",
      settingsHash: object["settings_hash"]?.string ?? "", startedAt: startedAt)
  }

  /// The record of a broker that lives; nil when there is none, or it is dead, or it is not this user's.
  static func living(at path: String) -> BrowserRecord? {
    let file = Descriptor(owning: open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW))
    var status = stat()
    guard file.number >= 0, fstat(file.number, &status) == 0, status.st_uid == getuid(),
      flock(file.number, LOCK_SH | LOCK_NB) != 0
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(file.number, &bytes, bytes.count)
    return count > 0 ? BrowserRecord(jsonText: Array(bytes[..<count])) : nil
  }
}
