import Foundation
import QuarryCore
import TestSupport

/// A site and proxies that want the name `user` and a word of this lab's own.
final class ProxyLab: Sendable {
  /// In no other process of this machine.
  let word: String
  let site: String
  private let ports: [String: Int]
  private let process: RunningProcess

  static func start() async throws -> ProxyLab {
    let word = "canary-" + UUID().uuidString
    let process = try RunningProcess(
      RunHarness.node, [BuiltProducts.root + "/executor-node/test/proxy-lab.ts"], input: word + "\n")
    try await process.waitForOutput("\n")
    let line = process.outputSoFar.split(separator: "\n").first.map(String.init) ?? ""
    return try ProxyLab(word, JSONParser.parse(line), process)
  }

  private init(_ word: String, _ answer: JSONValue, _ process: RunningProcess) throws {
    self.word = word
    self.process = process
    site = answer["site"]?.string ?? ""
    ports = answer.object?.compactMapValues { $0.integer.map(Int.init) } ?? [:]
  }

  deinit { process.sendToGroup(SIGKILL) }

  /// Lines such as `http1 GET http://…` and `socks CONNECT host:port`.
  var asked: [String] { process.outputSoFar.split(separator: "\n").dropFirst().map(String.init) }

  func port(_ name: String) -> Int { ports[name] ?? 0 }

  /// An endpoint for a configuration, with the word from the environment.
  func endpoint(_ name: String) -> String {
    let scheme = name == "socks" ? "socks5" : "http"
    return "{ protocol: \(scheme), host: 127.0.0.1, port: \(port(name)), username: user, password: \"${PROXY_WORD}\" }"
  }

  var environment: [String: String] { ["PROXY_WORD": word] }

  /// Files below a folder that hold the word.
  func filesThatKnowTheWord(below folder: String) throws -> [String] {
    let files = FileManager.default.enumerator(atPath: folder)?.allObjects ?? []
    return files.compactMap { $0 as? String }.filter { name in
      FileManager.default.contents(atPath: folder + "/" + name)?.range(of: Data(word.utf8)) != nil
    }
  }
}
