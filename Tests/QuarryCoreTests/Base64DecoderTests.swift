import Foundation
import QuarryCore
import Testing

@Suite struct Base64DecoderTests {
  private func decode(_ text: String) -> [UInt8]? { Array(text.utf8).withUnsafeBytes { Base64Decoder.decode($0) } }

  @Test func readsWhatAnotherEncoderWrites() {
    var generator = SystemRandomNumberGenerator()
    for count in [0, 1, 2, 3, 4, 5, 63, 64, 65, 10_000] {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      #expect(decode(Data(bytes).base64EncodedString()) == bytes)
    }
  }

  @Test(arguments: [
    "A", "AB", "ABC", "A===", "====", "AB=C", "=ABC", "AB==AB==", "AB C", "AB\n=", "AB-_", "ABÄ", "\"\"\"\"",
  ])
  func refusesAllElse(_ text: String) { #expect(decode(text) == nil) }
}
