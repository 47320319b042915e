import Foundation
import QuarryCore
import QuarryRuntime
import Synchronization
import TestSupport
import Testing

@Suite struct BrowserTests {
  /// Listens nowhere, but lives and ends as the broker does.
  private static let body = """
    echo "{\\"ws_endpoint\\":\\"ws://127.0.0.1:1/$$\\"}"
    echo ready >&2
    setsid sleep $MARK &
    cat > /dev/null
    """

  private func broker(
    _ body: String = body, mark: String = "1", note: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> (BrowserBroker, FakeExecutor) {
    let executor = try FakeExecutor(body, interpreter: "/bin/sh")
    var program = executor.program
    program.environment["MARK"] = mark
    return (BrowserBroker(program: program, startTimeout: .seconds(5), onNote: note), executor)
  }

  @Test func oneBrokerServesUntilItIsStopped() async throws {
    let mark = ProcessTree.mark()
    let notes = Mutex<[String]>([])
    let (broker, executor) = try broker(mark: mark, note: { line in notes.withLock { $0.append(line) } })
    let first = try broker.endpoint()
    #expect(first.hasPrefix("ws://127.0.0.1:1/"))
    #expect(try broker.endpoint() == first)
    #expect(await ProcessTree.becomes { notes.withLock { $0 } == ["ready"] })
    broker.stop()
    #expect(executor.isGone)
    #expect(ProcessTree.count("sleep\0\(mark)") == 0)
  }

  @Test func brokerThatDiedIsStartedAgain() async throws {
    let (broker, executor) = try broker()
    let first = try broker.endpoint()
    kill(try #require(pid_t(first.split(separator: "/").last ?? "")), SIGKILL)
    #expect(await ProcessTree.becomes { (try? broker.endpoint()) != first })
    broker.stop()
    #expect(executor.isGone)
  }

  /// One that ends takes no more connections, and its browser may need a while.
  @Test func brokerThatIsEndingIsStartedAgain() async throws {
    let (broker, executor) = try broker(
      """
      echo "{\\"ws_endpoint\\":\\"ws://127.0.0.1:1/$$\\"}"
      exec 5<&0
      cat <&5 > /dev/null &
      trap 'echo ending; wait $!; exit' TERM
      wait $!
      """)
    let first = try broker.endpoint()
    kill(try #require(pid_t(first.split(separator: "/").last ?? "")), SIGTERM)
    #expect(await ProcessTree.becomes { (try? broker.endpoint()) != first })
    broker.stop()
    #expect(executor.isGone)
  }

  @Test func brokerThatCannotStartSaysWhy() throws {
    let (broker, executor) = try broker("echo 'no chromium here' >&2; exit 2")
    #expect {
      try broker.endpoint()
    } throws: {
      "\($0)".contains("exited with code 2: no chromium here")
    }
    #expect(executor.isGone)
  }

  @Test(arguments: ["http://localhost", "ws://", "ws://h:0", "ws://h:99999", "9222", ""])
  func endpointThatIsNoWebSocketIsRefused(_ url: String) {
    #expect { try BrowserEndpoint.check(url) } throws: { ($0 as? QuarryError)?.kind == .usage }
  }

  @Test func endpointWithoutListenerIsNamedWithoutItsPath() throws {
    let (descriptor, port) = boundSocket()
    defer { close(descriptor) }
    #expect { try BrowserEndpoint.check("ws://user:word@127.0.0.1:\(port)/secret") } throws: {
      let text = "\($0)"
      return text.contains("127.0.0.1 port \(port)") && !text.contains("secret") && !text.contains("word")
    }
  }

  /// What a server answers, and what the check says of it; nil where it is content.
  @Test(arguments: [
    (
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
      nil
    ),
    ("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: guess", "its answer to a WebSocket is wrong"),
    ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0", "it refuses a WebSocket: 403 Forbidden"),
    ("SSH-2.0-OpenSSH_9.2", "its answer is not HTTP"),
  ])
  func endpointMustSpeakWebSocket(_ answer: String, _ complaint: String?) throws {
    let server = try OneAnswerServer(answer + "\r\n\r\n")
    let url = "ws://127.0.0.1:\(server.port)/secret"
    guard let complaint else { return try BrowserEndpoint.check(url) }
    #expect { try BrowserEndpoint.check(url) } throws: {
      "\($0)".contains("port \(server.port): \(complaint)") && !"\($0)".contains("secret")
    }
  }

  @Test(arguments: [
    ("user:word@", "user:word"), ("us%40er:w%C3%B6%3Ard@", "us@er:wö:rd"), ("user@", "user:"),
    ("100%:50%zz@", "100%:50%zz"),
    ("%ff:%2Fword@", "%ff:/word"),
  ])
  func nameAndPasswordAreToldDecoded(_ given: String, _ told: String) throws {
    let address = try BrowserAddress("ws://\(given)browser.example/path")
    #expect(address.userInfo == told)
    #expect(address.host == "browser.example")
  }

  @Test func endpointThatNeverAnswersIsGivenUp() throws {
    let (descriptor, port) = boundSocket()
    defer { close(descriptor) }
    listen(descriptor, 1)
    #expect { try BrowserEndpoint.check("ws://127.0.0.1:\(port)/", timeout: .milliseconds(50)) } throws: {
      "\($0)".contains("no answer in time")
    }
  }

  /// A socket with a port of its own on which nobody listens yet.
  private func boundSocket() -> (Int32, UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, length)
        _ = getsockname(descriptor, $0, &length)
      }
    }
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }
}
