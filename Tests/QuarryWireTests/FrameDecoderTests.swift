import QuarryWire
import Testing

@Suite struct FrameDecoderTests {
  @Test func framesCutAtEveryPlaceComeOutWhole() throws {
    let payloads: [[UInt8]] = [[1], [UInt8](repeating: 7, count: 300), [9, 9]]
    let stream = payloads.flatMap(framed)
    for cut in 0...stream.count {
      var decoder = FrameDecoder(readSize: 64)
      var frames: [[UInt8]] = []
      for part in [stream[..<cut], stream[cut...]] { frames += try decoder.feed(Array(part)) }
      #expect(frames == payloads)
      try decoder.finish()
    }
  }

  @Test func anEndInsideAFrameIsTruncated() throws {
    let stream = framed([1, 2, 3])
    for count in 1..<stream.count {
      var decoder = FrameDecoder()
      #expect(try decoder.feed(Array(stream[..<count])).isEmpty)
      let code = decoder.finishCode
      #expect(code == .truncated)
    }
  }

  @Test func oversizedAndEmptyFramesAreRefusedByTheirPrefix() throws {
    let limit = FrameDecoder.maximumFrameLength
    #expect(throws: Never.self) { _ = try Self.announce(limit - 4) }
    #expect { _ = try Self.announce(limit - 3) } throws: { ($0 as? WireError)?.code == .oversized }
    #expect { _ = try Self.announce(Int(UInt32.max)) } throws: { ($0 as? WireError)?.code == .oversized }
    #expect { _ = try Self.announce(0) } throws: { ($0 as? WireError)?.code == .undecodable }
  }

  private static func announce(_ length: Int) throws -> [[UInt8]] {
    var decoder = FrameDecoder()
    return try decoder.feed(withUnsafeBytes(of: UInt32(length).bigEndian) { Array($0) })
  }

  @Test func memoryIsOneFrameAndOneReadAndIsGivenBack() throws {
    let readSize = 4096
    var decoder = FrameDecoder(readSize: readSize)
    let large = [UInt8](repeating: 5, count: 1 << 20)
    for _ in 0..<3 { #expect(try decoder.feed(framed(large)) == [large]) }
    let grown = decoder.capacity
    #expect(grown <= large.count + 4 + 2 * readSize)
    for _ in 0..<40 { #expect(try decoder.feed(framed([1])) == [[1]]) }
    let shrunk = decoder.capacity
    #expect(shrunk == 2 * readSize)
  }
}

func framed(_ payload: [UInt8]) -> [UInt8] {
  withUnsafeBytes(of: UInt32(payload.count).bigEndian) { Array($0) } + payload
}

extension FrameDecoder {
  /// Lets the bytes in, read by read, and returns the frames that they complete.
  mutating func feed(_ bytes: [UInt8]) throws -> [[UInt8]] {
    var frames: [[UInt8]] = []
    var rest = bytes[...]
    repeat {
      let buffer = writableBuffer()
      let part = rest.prefix(buffer.count)
      buffer.copyBytes(from: part)
      commit(part.count)
      rest = rest.dropFirst(part.count)
      while let frame = try nextFrame() { frames.append(Array(frame)) }
    } while !rest.isEmpty
    return frames
  }

  var finishCode: WireError.Code? {
    do throws(WireError) {
      try finish()
      return nil
    } catch {
      return error.code
    }
  }
}
