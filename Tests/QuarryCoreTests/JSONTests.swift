import QuarryCore
import Testing

@Suite struct JSONTests {
  @Test(arguments: [
    (#"{"b":1,"a":[true,null,"x\n"]}"#, #"{"a":[true,null,"x\n"],"b":1}"#),
    ("18446744073709551615", "18446744073709551615"), ("-0.5e1", "-5"), (#""\ud83d\ude00""#, "\"😀\""), ("1.25", "1.25"),
  ]) func readsAndWritesCanonically(text: String, canonical: String) throws {
    #expect(try JSONParser.parse(text).canonicalText == canonical)
  }

  @Test(arguments: ["", "{", "[1,]", "{\"a\" 1}", "01", "nul", "\"\u{1}\"", "1 2", "\"\\x\"", "--1", "[", "1e999"])
  func refusesWhatIsNotJSON(text: String) {
    #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(text) }
  }

  @Test func saysWhere() {
    let error = #expect(throws: JSONParser.Failure.self) { try JSONParser.parse("{\n \"a\":1 x}") }
    #expect(error?.description == "line 2, column 8: a ',' or '}' should be here")
  }

  @Test func depthIsBounded() {
    #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(String(repeating: "[", count: 100_000)) }
  }

  @Test func anyGarbageIsAnErrorOrAValue() {
    var generator = SystemRandomNumberGenerator()
    let alphabet = Array("{}[]\",:0123456789.eE+-truefalsn\\u \n\u{e9}".utf8)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in alphabet.randomElement(using: &generator)!
      }
      if let value = try? JSONParser.parse(bytes) {
        #expect((try? JSONParser.parse(value.canonicalText))?.canonicalText == value.canonicalText)
      }
    }
  }
}
