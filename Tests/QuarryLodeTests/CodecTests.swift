import Foundation
import QuarryLode
import TestSupport
import Testing

@Suite struct CodecTests {
  private static let methods = [Compression.gzip, .zstd]

  /// Lines as a dataset has them: they repeat, and do not.
  private func content(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    var out: [UInt8] = []
    while out.count < count {
      out += "{\"record_kind\":\"event\",\"seq\":\(out.count),\"text\":\"\(generator.next())\"}\n".utf8
    }
    return Array(out.prefix(count))
  }

  private func encode(_ bytes: [UInt8], _ method: Compression) throws -> [UInt8] {
    try #require(bytes.withUnsafeBytes { method.encode($0) })
  }

  private struct Decoded: Equatable {
    var bytes: [UInt8] = []
    var isWhole = false
  }

  /// - Parameter piece: how many bytes it is given, and gives, at a time.
  private func decode(
    _ bytes: [UInt8], _ method: Compression, piece: () -> Int = { 64 << 10 }
  ) throws(CodecFailure) -> Decoded {
    guard let decoder = method.decoder() else { return Decoded(bytes: bytes, isWhole: true) }
    var decoded = Decoded()
    var position = 0
    while true {
      let input = Array(bytes[position..<min(bytes.count, position + piece())])
      if input.isEmpty, decoder.isAtEnd { break }
      var output = [UInt8](repeating: 0, count: piece())
      let result = input.withUnsafeBytes { input in
        output.withUnsafeMutableBytes { output in
          Result { () throws(CodecFailure) in try decoder.decode(input, into: output) }
        }
      }
      let step = try result.get()
      position += step.taken
      decoded.bytes += output.prefix(step.made)
      if input.isEmpty, step.made == 0 { break }
    }
    decoded.isWhole = decoder.isAtEnd
    return decoded
  }

  @Test(arguments: methods, [0, 1, 1_000, 1 << 20])
  func whatGoesInComesOut(_ method: Compression, _ count: Int) throws {
    let bytes = content(count)
    let encoded = try encode(bytes, method)
    #expect(try decode(encoded, method) == Decoded(bytes: bytes, isWhole: true))
    #expect(try decode(encoded, method, piece: { .random(in: 1...999) }) == Decoded(bytes: bytes, isWhole: true))
    let twice = try decode(encoded + encoded, method, piece: { .random(in: 1...99_999) })
    #expect(twice == Decoded(bytes: bytes + bytes, isWhole: true))
    #expect(try encode(bytes, method) == encoded)
    if count > 10_000 { #expect(encoded.count < count / 2) }
  }

  @Test(arguments: methods)
  func whatIsCutOffIsNeverWhole(_ method: Compression) throws {
    let encoded = try encode(content(3_000), method)
    for count in 0..<encoded.count {
      let decoded = try decode(Array(encoded.prefix(count)), method)
      #expect(!decoded.isWhole, "\(count) of \(encoded.count)")
    }
  }

  /// One bit, anywhere: an error, cut off, or of no consequence.
  @Test(arguments: methods)
  func whatIsChangedIsNoticed(_ method: Compression) throws {
    let bytes = content(2_000)
    let encoded = try encode(bytes, method)
    for place in encoded.indices {
      var changed = encoded
      changed[place] ^= 1 << UInt8.random(in: 0..<8)
      guard let decoded = try? decode(changed, method) else { continue }
      #expect(!decoded.isWhole || decoded.bytes == bytes, "byte \(place)")
    }
    #expect(throws: CodecFailure.self) { try decode(encoded + Array("{}\n".utf8), method) }
    #expect(throws: CodecFailure.self) { try decode(Array("{\"a\":1}\n{\"a\":2}\n".utf8), method) }
  }

  /// Two hundred mebibytes in some kilobytes come out by the piece.
  @Test(arguments: methods)
  func memoryIsThatOfThePieces(_ method: Compression) throws {
    let decoder = try #require(method.decoder())
    let encoded = try encode([UInt8](repeating: 0x20, count: 200 << 20), method)
    #expect(encoded.count < 1 << 20)
    var output = [UInt8](repeating: 0, count: 1 << 20)
    var (position, made) = (0, 0)
    while !decoder.isAtEnd {
      let step = try encoded[position...].withUnsafeBytes { input in
        try output.withUnsafeMutableBytes { try decoder.decode(input, into: $0) }
      }
      position += step.taken
      made += step.made
      #expect(step.made <= output.count)
    }
    #expect(made == 200 << 20 && position == encoded.count)
  }

  /// Node has its own copies of both libraries.
  @Test(arguments: methods)
  func othersReadWhatIsWritten(_ method: Compression) async throws {
    let folder = TemporaryDirectory()
    let bytes = content(100_000)
    try Data(try encode(bytes, method)).write(to: URL(fileURLWithPath: folder.path + "/data"))
    let function = method == .gzip ? "gunzipSync" : "zstdDecompressSync"
    let result = try await runProcess(
      BuiltProducts.root + "/.tools/driver/playwright/driver/node",
      [
        "-e",
        "process.stdout.write(require('zlib').\(function)(require('fs').readFileSync(process.argv[1])))",
        folder.path + "/data",
      ])
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(Array(result.standardOutput.utf8) == bytes)
  }
}
