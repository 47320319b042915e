import HTTPClient
import Testing

@Suite struct AddressTests {
  @Test(arguments: [
    ("https://user:canary@hooks.example.com/services/canary?token=canary", "https://hooks.example.com"),
    ("http://127.0.0.1:8080/canary", "http://127.0.0.1:8080"), ("https://[::1]:8443/", "https://[::1]:8443"),
  ])
  func showsItsOriginAlone(_ url: String, _ shown: String) throws {
    let address = try HTTPAddress(url)
    #expect(address.origin == shown)
    #expect("\(address) \(String(reflecting: address))" == "\(shown) \(shown)")
  }

  @Test(arguments: ["", "canary ", "ftp://host.example/canary", "http://", "http://a:canary/"])
  func refusesWhatIsNone(_ url: String) {
    let error = #expect(throws: HTTPError.self) { try HTTPAddress(url) }
    #expect(error?.message.contains("canary") == false)
  }

  @Test func headersCannotBeginALine() throws {
    for (name, value) in [("", "x"), ("a b", "x"), ("a:", "x"), ("a", "x\r\nb: canary"), ("a", "canary\u{0}")] {
      let error = #expect(throws: HTTPError.self) { try HTTPRequest.Header(name, value) }
      #expect(error?.message.contains("canary") == false)
    }
    #expect(try HTTPRequest.Header("X-Ünicode".replacing("Ü", with: "U"), "wörter ok").value == "wörter ok")
  }
}
