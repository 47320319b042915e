import S3Client
import Testing

@Suite struct XMLTests {
  private func read(_ text: String) throws -> XMLElement { try XMLReader.read(Array(text.utf8)) }

  @Test func readsWhatS3Writes() throws {
    let document = try read(
      """
      \u{FEFF}<?xml version="1.0" encoding="UTF-8"?>
      <!-- a comment --><s3:List xmlns:s3='http://x/?a>b' a="1">
        <Key>a&amp;b &lt;&#x1F600;&#10;&quot;&apos;&gt;</Key><Empty/><Empty  ></Empty >
        <Key><![CDATA[<&raw]]></Key><Wörter>ä</Wörter></s3:List>
      """)
    #expect(document.name == "List")
    #expect(document.all("Key").map(\.text) == ["a&b <😀\n\"'>", "<&raw"])
    #expect(document.all("Empty").map(\.text) == ["", ""])
    #expect(document["Wörter"]?.text == "ä" && document["None"] == nil)
  }

  @Test(arguments: [
    "", "text", "<a>", "<a></b>", "<a", "<a/><b/>", "<a>&unknown;</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>&lt</a>",
    "<a b></a>", "<a b=c></a>", "<a b='c></a>", "<a><!-- </a>", "<a><![CDATA[</a>", "< a/>", "<a></a", "<a/>text",
    "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", "<a><!DOCTYPE b></a>", "<a>&#99999999999;</a>",
  ])
  func refusesWhatIsNone(_ text: String) { #expect(throws: XMLError.self) { try read(text) } }

  @Test func refusesWhatIsNoUTF8() { #expect(throws: XMLError.self) { try XMLReader.read(Array("<a>".utf8) + [0xff]) } }

  @Test func depthIsBounded() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
    }
    _ = try read(nested(32))
    #expect(throws: XMLError.self) { try read(nested(33)) }
    #expect(throws: XMLError.self) { try read(String(repeating: "<a>", count: 100_000)) }
  }

  /// Whatever is cut off or changed, it ends in an element or an error.
  @Test func anyInputEnds() throws {
    let text = Array("<?xml version='1.0'?><a b='c'><!-- x --><d>&lt;&#65;</d><![CDATA[e]]><f/></a>".utf8)
    var random = SystemRandomNumberGenerator()
    for length in 0..<text.count { #expect(throws: XMLError.self) { try XMLReader.read(Array(text[..<length])) } }
    for _ in 0..<2_000 {
      var changed = text
      changed[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(in: 0...127, using: &random)
      do throws(XMLError) { _ = try XMLReader.read(changed) } catch { #expect(!error.reason.isEmpty) }
    }
  }
}
