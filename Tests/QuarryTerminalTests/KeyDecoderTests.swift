import QuarryTerminal
import Testing

@Suite struct KeyDecoderTests {
  private func decode(_ text: String) -> [TerminalInput] {
    var decoder = KeyDecoder()
    return decoder.feed(text.utf8)
  }

  private static let sequences: [(String, Key)] = [
    ("\u{1B}[A", .up), ("\u{1B}OA", .up), ("\u{1B}[B", .down), ("\u{1B}[C", .right), ("\u{1B}OD", .left),
    ("\u{1B}[H", .home), ("\u{1B}[1~", .home), ("\u{1B}[7~", .home), ("\u{1B}OH", .home), ("\u{1B}[F", .end),
    ("\u{1B}[4~", .end), ("\u{1B}[5~", .pageUp), ("\u{1B}[6~", .pageDown), ("\u{1B}[3~", .delete),
    ("\u{1B}[1;5A", .up), ("\u{1B}[5;2~", .pageUp), ("\u{1B}OM", .enter), ("\r", .enter), ("\t", .tab),
    ("\u{7F}", .backspace), ("\u{8}", .backspace), ("\u{3}", .control("c")), ("\u{1A}", .control("z")),
    ("\u{1C}", .control("\\")), ("\n", .control("j")), ("q", .character("q")), (" ", .character(" ")),
    ("é", .character("é")), ("日", .character("日")), ("😀", .character("😀")),
  ]

  @Test(arguments: sequences)
  func aKeyIsTheSameHoweverItsBytesAreCut(_ text: String, _ key: Key) {
    #expect(decode(text) == [.key(key)])
    var decoder = KeyDecoder()
    #expect(text.utf8.flatMap { decoder.feed([$0]) } == [.key(key)])
    #expect(decoder.patience == nil)
  }

  @Test func manyKeysInOneRead() {
    let all = Self.sequences.map(\.0).joined()
    #expect(decode(all) == Self.sequences.map { .key($0.1) })
  }

  /// Whatever the cuts of a read are, the keys are the same.
  @Test(arguments: 1...7)
  func readsOfAnySize(_ size: Int) {
    let bytes = Array((Self.sequences.map(\.0).joined() + "\u{1B}[200~a\rq\u{1B}[A日\u{1B}[201~x").utf8)
    var decoder = KeyDecoder()
    let inputs = stride(from: 0, to: bytes.count, by: size).flatMap {
      decoder.feed(bytes[$0..<min($0 + size, bytes.count)])
    }
    #expect(inputs == Self.sequences.map { .key($0.1) } + [.pasted("a\nq\u{1B}[A日"), .key(.character("x"))])
  }

  @Test func escapeIsAKeyOnceNothingFollows() {
    var decoder = KeyDecoder()
    #expect(decoder.patience == nil)
    #expect(decoder.feed("\u{1B}".utf8).isEmpty)
    #expect(decoder.patience != nil)
    #expect(decoder.flush() == [.key(.escape)])
    #expect(decoder.patience == nil)
    #expect(decoder.feed("\u{1B}\u{1B}".utf8) == [.key(.escape)])
    #expect(decoder.flush() == [.key(.escape)])
  }

  @Test func halfASequenceIsNoKey() {
    var decoder = KeyDecoder()
    #expect(decoder.feed("\u{1B}[1;".utf8).isEmpty)
    #expect(decoder.flush().isEmpty)
    #expect(decoder.feed("q".utf8) == [.key(.character("q"))])
  }

  @Test(arguments: [
    "\u{1B}q", "\u{1B}[99~", "\u{1B}[15~", "\u{1B}OP", "\u{1B}[[A", "\u{1B}[97;5u", "\u{1B}[?1;2c", "\u{1B}[I", "\0",
  ])
  func unknownKeysArePassedOver(_ sequence: String) {
    #expect(decode(sequence + "j") == [.key(.character("j"))])
  }

  @Test func brokenBytesArePassedOver() {
    var decoder = KeyDecoder()
    #expect(
      decoder.feed([0xFF, 0x80, 0xC3, 0x28, 0xE6, 0x97, 0x71]) == [.key(.character("(")), .key(.character("q"))])
    #expect(decoder.feed("\u{1B}[1\rq".utf8) == [.key(.enter), .key(.character("q"))])
    #expect(decoder.feed(Array("\u{1B}[".utf8) + Array(repeating: 0x31, count: 200)).isEmpty)
    #expect(decoder.flush().isEmpty)
    #expect(decoder.feed("j".utf8) == [.key(.character("j"))])
  }

  /// What is pasted is never a command, and one that never ends does not take the keyboard away.
  @Test func pastes() {
    var decoder = KeyDecoder()
    #expect(decoder.feed("\u{1B}[200~q\u{3}".utf8).isEmpty)
    #expect(decoder.flush() == [.pasted("q\u{3}")])
    #expect(decoder.feed("q".utf8) == [.key(.character("q"))])
    let long = String(repeating: "x", count: 100_000)
    #expect(decoder.feed("\u{1B}[200~\(long)\u{1B}[201~j".utf8).last == .key(.character("j")))
    var inputs = decoder.feed("\u{1B}[200~".utf8)
    for start in stride(from: 0, to: long.count, by: 1000) {
      inputs += decoder.feed(long.utf8.dropFirst(start).prefix(1000))
    }
    inputs += decoder.feed("\u{1B}[20".utf8)
    inputs += decoder.feed("1~j".utf8)
    #expect(inputs == [.pasted(String(repeating: "x", count: 1 << 16)), .key(.character("j"))])
  }
}
