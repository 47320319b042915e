import QuarryTerminal
import Testing

@Suite struct TextTests {
  @Test(arguments: [
    ("a", 1), ("é", 1), ("e\u{301}", 1), ("日", 2), ("한", 2), ("한", 2), ("ｱ", 1), ("Ａ", 2), ("😀", 2), ("👍🏽", 2),
    ("👨‍👩‍👧‍👦", 2), ("🇩🇪", 2), ("❤️", 2), ("❤", 1), ("1️⃣", 2), ("…", 1), ("▸", 1), ("\u{301}", 0), ("\u{200B}", 0),
    ("\u{1B}", 0), ("\u{85}", 0), ("א", 1),
  ])
  func widths(_ character: Character, _ width: Int) {
    #expect(CellWidth.of(character) == width, "\(character)")
  }

  @Test(arguments: [
    ("\u{1B}[2J", #"\u001b[2J"#), ("a\nb\tc\rd", #"a\nb\tc\rd"#), ("a\r\nb", #"a\r\nb"#), ("\u{9B}31m", #"\u009b31m"#),
    ("\u{202E}abc", #"\u202eabc"#), ("a\u{200B}b", #"a\u200bb"#), ("\u{301}x", #"\u0301x"#), ("\u{7F}", #"\u007f"#),
    ("a\u{2028}b", #"a\u2028b"#), ("\u{FEFF}a", #"\ufeffa"#), ("👨‍👩‍👧‍👦 é 日", "👨‍👩‍👧‍👦 é 日"), ("e\u{301}", "e\u{301}"),
    ("a\u{1B}\u{301}", #"a\u001b\u0301"#), ("", ""),
  ])
  func whatATerminalWouldObeyIsShown(_ text: String, _ shown: String) {
    #expect(text.glyphs.map(\.text).joined() == shown)
    #expect(text.glyphs.allSatisfy { $0.width > 0 })
  }

  @Test func aHeapOfMarksIsBounded() {
    let glyphs = ("a" + String(repeating: "\u{301}", count: 1000)).glyphs
    #expect(glyphs.map(\.text.unicodeScalars.count).max() ?? 0 <= 16)
  }

  @Test func cuttingKeepsWideGlyphsWhole() {
    func fitted(_ text: String, _ cells: Int) -> String { text.glyphs.fitting(cells, end: "…").map(\.text).joined() }
    #expect(fitted("abc", 3) == "abc")
    #expect(fitted("abcd", 3) == "ab…")
    #expect(fitted("日本語", 6) == "日本語")
    #expect(fitted("日本語", 5) == "日本…")
    #expect(fitted("日本語", 4) == "日…")
    #expect(fitted("日本語", 1) == "…")
    #expect(fitted("日本語", 0) == "")
    #expect("abcdef".glyphs.fitting(2, end: "...").isEmpty)
  }

  @Test func textIsWrapped() {
    func wrapped(_ text: String, _ width: Int) -> [String] { text.lines(width: width).map { $0.map(\.text).joined() } }
    #expect(wrapped("one two three", 8) == ["one two ", "three"])
    #expect(wrapped("abcdefghij", 4) == ["abcd", "efgh", "ij"])
    #expect(wrapped("a\n\nb", 4) == ["a", "", "b"])
    #expect(wrapped("日本語", 3) == ["日", "本", "語"])
    #expect(wrapped("日本語", 1) == ["日", "本", "語"])
    #expect(wrapped("a\tb", 20) == ["a       b"])
    #expect(wrapped("x\u{1B}y", 20) == [#"x\u001by"#])
    #expect(wrapped("", 5) == [""])
  }
}
