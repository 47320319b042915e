import QuarryCommands
import QuarryCore
import Testing

/// Values in a payload, by their path and as they are stored.
@Suite struct PayloadFieldTests {
  private static let line =
    #"{"seq":1,"payload":{"item_type":"p","data":{"url":"a\u0026b","n":9007199254740993,"l":[{"x":1.50},[2,"]"]],"a.b":{"c/d~":null},"":7}},"data":0}"#

  private func value(_ path: String) throws -> String? {
    let field = try #require(PayloadField(path))
    return Array(Self.line.utf8).withUnsafeBytes { bytes in
      field.value(in: bytes).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  @Test func namesAndPlaces() throws {
    #expect(try value("item_type") == #""p""#)
    #expect(try value("data.url") == #""a\u0026b""#)
    #expect(try value("data.n") == "9007199254740993")
    #expect(try value("data.l.0.x") == "1.50")
    #expect(try value("data.l.1.1") == #""]""#)
    #expect(try value("data.l.1") == #"[2,"]"]"#)
    #expect(try value("/data/a.b/c~1d~0") == "null")
    #expect(try value("/data/") == "7")
  }

  @Test(arguments: ["seq", "data.none", "data.l.2", "data.l.-1", "data.url.x", "data.a.b", "data.n.0", "/payload"])
  func whatIsNotThereIsNil(_ path: String) throws { #expect(try value(path) == nil) }

  @Test(arguments: ["", ".", "a.", ".a", "a..b"])
  func aPathThatNamesNothingIsNone(_ text: String) { #expect(PayloadField(text) == nil) }

  @Test func nothingNamedIsThePayload() {
    let payload = Array(#"{"payload": {"a":1} }"#.utf8).withUnsafeBytes { bytes in
      PayloadField.whole.value(in: bytes).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(payload == #"{"a":1}"#)
  }
}
