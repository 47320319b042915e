import PercentEncoding
import Testing

@Suite struct PercentEncodingTests {
  @Test(arguments: [("", ""), ("a b", "a%20b"), ("é%", "%C3%A9%25"), ("A-z", "A-z"), ("\u{0}", "%00")])
  func whatIsEscapedComesBack(_ text: String, _ escaped: String) {
    let isPlain: (UInt8) -> Bool = { $0 == UInt8(ascii: "-") || Character(UnicodeScalar($0)).isLetter && $0 < 128 }
    #expect(PercentEncoding.escape(text, keeping: isPlain) == escaped)
    #expect(PercentEncoding.unescape(escaped[...]) == text)
  }

  @Test func digitsMayBeSmallAndAPlusStaysOne() {
    #expect(PercentEncoding.unescape("%c3%a9+") == "é+")
  }

  /// Half a character, and digits that a number would take: a sign, a full-width digit.
  @Test(arguments: ["%", "%4", "a%", "%zz", "%+4", "% 4", "%-1", "%４1", "%C3", "%FF"])
  func whatIsNoEscapeIsRefused(_ text: String) {
    #expect(PercentEncoding.unescape(text[...]) == nil)
  }
}
