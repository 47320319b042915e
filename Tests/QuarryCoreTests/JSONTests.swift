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

  private func isObject(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { JSONCheck.isObject($0) } }

  @Test(arguments: [
    "{}", " {\t} ", #"{"a":[{},[],-0.5e+1,0,true,false,null,"\ud800\/\n"],"ü漢🙂":"0123456789abcdef\\"}"#,
    #"{"a":1,"a":18446744073709551616}"#,
  ]) func theCheckTakesObjects(text: String) { #expect(isObject(Array(text.utf8))) }

  @Test(arguments: [
    "", "[]", "1", "{}{}", "{", #"{"a":xyz}"#, #"{"a":[}"#, #"{"a":1,}"#, #"{a:1}"#, #"{"a":01}"#, #"{"a":1.}"#,
    #"{"a":"\x"}"#,
    #"{"a":"\u12g4"}"#, "{\"a\":\"12345678\t\"}", #"{"a":"b}"#, #"{"a":nul}"#, "\u{B}{}", #"{"a" 1}"#,
  ]) func theCheckRefusesWhatIsNone(text: String) { #expect(!isObject(Array(text.utf8))) }

  /// Overlong forms, surrogates, what is beyond Unicode, and what is cut off: at each place of a word of eight bytes.
  @Test(
    arguments: [
      [0x80], [0xC1, 0x81], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
      [0xE2, 0x82], [0xFF], [0xF5, 0x80, 0x80, 0x80], [0xC3],
    ] as [[UInt8]]) func theCheckRefusesWhatIsNotUTF8(bytes: [UInt8])
  {
    for before in 0..<9 {
      let text = Array((#"{"a":""# + String(repeating: "x", count: before)).utf8) + bytes + Array(#"xxxxxxxx"}"#.utf8)
      #expect(!isObject(text))
    }
  }

  /// Objects, changed in a byte or two, against the parser.
  @Test func theCheckSaysWhatTheParserDoes() {
    var generator = SystemRandomNumberGenerator()
    let start = Array(#"{"name":"a text of some length, ä漢🙂 \u00e9","n":[1,-2.5e3,true,null],"o":{"":{}}}"#.utf8)
    let alphabet = Array("{}[]\",:019.eE+-tn\\u \u{1}\n\u{e9}".utf8) + [0x80, 0xC0, 0xED, 0xF4, 0xFF]
    for _ in 0..<20_000 {
      var bytes = start
      for _ in 0..<Int.random(in: 1...2, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes.remove(at: place)
        case 1: bytes[place] = alphabet.randomElement(using: &generator) ?? 0
        default: bytes.insert(alphabet.randomElement(using: &generator) ?? 0, at: place)
        }
      }
      let isParsed = (try? JSONParser.parse(bytes))?.object != nil
      #expect(isObject(bytes) == isParsed, "\(String(decoding: bytes, as: UTF8.self))")
    }
  }

  @Test func depthIsBounded() {
    #expect(!isObject(Array(String(repeating: #"{"a":"#, count: 100_000).utf8)))
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
