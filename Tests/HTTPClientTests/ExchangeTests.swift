import HTTPClient
import TestSupport
import Testing

/// Requests and answers of every shape, between the client and a real server.
@Suite struct ExchangeTests {
  private let client: HTTPClient

  init() throws { client = try HTTPClient() }

  private func request(
    _ method: String, _ server: HTTPServer, _ path: String = "/", headers: [HTTPRequest.Header] = [], body: String = "",
    timeout: Duration = .seconds(60)
  ) throws -> HTTPRequest {
    HTTPRequest(
      method, try HTTPAddress(server.url + path), headers: headers, body: Array(body.utf8), timeout: timeout)
  }

  @Test(arguments: ["GET", "DELETE", "HEAD"]) func aRequestWithoutABodyAnnouncesNone(_ method: String) throws {
    let server = try HTTPServer { _, _ in .status(200, headers: ["X-Two: a", "x-two:  b "], body: "answer") }
    let response = try client.fetch(request(method, server), limit: 6)
    #expect(server.requests.first?.line == "\(method) / HTTP/1.1")
    #expect(server.requests.first?.headers["content-length"] == nil)
    #expect(server.requests.first?.headers["content-type"] == nil)
    #expect(response.head.status == 200)
    #expect(response.head.headers.filter { $0.name == "x-two" }.map(\.value) == ["a", "b"])
    #expect(response.head["content-length"] == "6")
    #expect(String(decoding: response.body, as: UTF8.self) == (method == "HEAD" ? "" : "answer"))
  }

  @Test(arguments: ["PUT", "POST", "PATCH"], ["", "some body"])
  func aBodyIsSentWithItsLength(_ method: String, _ body: String) throws {
    let server = try HTTPServer { _, _ in .status(201) }
    #expect(try client.send(request(method, server, body: body)) == 201)
    let seen = try #require(server.requests.first)
    #expect(seen.line == "\(method) / HTTP/1.1" && seen.body == body)
    #expect(seen.headers["content-length"] == String(body.utf8.count))
    #expect(seen.headers["expect"] == nil && seen.headers["transfer-encoding"] == nil)
  }

  @Test func aLargeBodyArrivesWhole() throws {
    let server = try HTTPServer { _, _ in .status(200) }
    let body = String(repeating: "0123456789abcdef", count: 64 << 10)
    #expect(try client.send(request("PUT", server, body: body)) == 200)
    #expect(server.requests.first?.body == body)
  }

  @Test func pathsAreSentAsTheyAreWritten() throws {
    let server = try HTTPServer { _, _ in .status(200) }
    _ = try client.send(request("GET", server, "/a/../b/./c//d%2F?x=%20&y"))
    #expect(server.requests.first?.line == "GET /a/../b/./c//d%2F?x=%20&y HTTP/1.1")
  }

  @Test func connectionsAreUsedAgain() throws {
    let server = try HTTPServer { _, number in .status(number % 2 == 0 ? 404 : 200) }
    for method in ["PUT", "GET", "HEAD", "DELETE", "POST"] { _ = try client.send(request(method, server, body: "")) }
    #expect(server.requests.count == 5 && server.accepted == 1)
  }

  @Test func anAnswerLongerThanItMayBeIsRefused() throws {
    let server = try HTTPServer { _, _ in .status(200, body: "answer") }
    let error = #expect(throws: HTTPError.self) { try client.fetch(request("GET", server), limit: 5) }
    #expect(error?.kind == .stopped)
  }

  @Test func anAnswerComesInPiecesWithItsHead() throws {
    let server = try HTTPServer { _, _ in .status(206, body: String(repeating: "x", count: 1 << 20)) }
    var (count, statuses) = (0, Set<Int>())
    let head = try client.send(request("GET", server)) { head, piece in
      count += piece.count
      statuses.insert(head.status)
      return true
    }
    #expect(count == 1 << 20 && statuses == [206] && head.status == 206)
  }

  @Test func aCutAnswerIsAnError() throws {
    let server = try HTTPServer { _, _ in .cut("half") }
    var text = ""
    let error = #expect(throws: HTTPError.self) {
      try client.send(request("GET", server)) { _, piece in
        text += String(decoding: piece, as: UTF8.self)
        return true
      }
    }
    #expect(error?.kind == .interrupted && text == "half")
  }

  @Test(arguments: [0, 1, 3 << 20]) func whoAsksFirstSendsAfterTheAnswer(_ size: Int) throws {
    let server = try HTTPServer { _, _ in .status(200, headers: ["X-Answer: y"]) }
    var asking = try request("PUT", server, body: String(repeating: "x", count: size))
    asking.asksFirst = true
    let response = try client.fetch(asking, limit: 10)
    #expect(response.head.status == 200 && response.head["x-answer"] == "y")
    #expect(server.requests.map(\.bytes.count) == [size])
  }

  /// The server closes its side with the body unread.
  @Test func whoAsksFirstHearsARefusal() throws {
    let server = try HTTPServer(refusal: 403) { _, _ in .status(200) }
    var asking = try request("PUT", server, body: String(repeating: "x", count: 8 << 20))
    asking.asksFirst = true
    for _ in 0..<20 { #expect(try client.send(asking) == 403) }
    #expect(server.requests.isEmpty)
  }

  /// The library would send it again on a new connection when a kept one breaks: the server may have acted on it.
  @Test func aBodyIsNeverSentTwiceBehindTheCallersBack() throws {
    let server = try HTTPServer { _, number in number == 1 ? .status(200) : .hangUp }
    _ = try client.send(request("PUT", server, body: "one"))
    let error = #expect(throws: HTTPError.self) { try client.send(request("PUT", server, body: "two")) }
    #expect(error?.kind == .interrupted)
    #expect(server.requests.map(\.body) == ["one", "two"])
  }

  @Test func whatCannotBeReachedIsToldFromWhatBroke() throws {
    let server = try HTTPServer { _, _ in .status(200) }
    server.close()
    let error = #expect(throws: HTTPError.self) { try client.send(request("GET", server)) }
    #expect(error?.kind == .unreachable)
  }

  @Test func silenceEndsWithTheTimeOut() throws {
    let server = try HTTPServer { _, _ in .silence }
    let error = #expect(throws: HTTPError.self) { try client.send(request("GET", server, timeout: .milliseconds(50))) }
    #expect(error == HTTPError(.timedOut, "no answer within 50 ms"))
  }

  @Test func aStallEndsLongBeforeTheTimeOut() throws {
    let server = try HTTPServer { _, _ in .silence }
    var stalled = try request("GET", server, timeout: .seconds(3_600))
    stalled.stallTimeout = .seconds(1)
    let error = #expect(throws: HTTPError.self) { try client.send(stalled) }
    #expect(error?.kind == .timedOut)
  }
}
