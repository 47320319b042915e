import Glibc
import QuarryCore
import QuarryWire

/// Prints a captured stream of frames, one JSON object a line. Holds one frame at a time.
struct FrameStreamPrinter {
  private let name: String
  private let path: String?
  private let console: Console

  /// - Parameter file: `-` for standard input.
  init(_ file: String, in context: CommandContext) {
    path = file == "-" ? nil : context.absolute(file)
    name = path ?? "standard input"
    console = context.console
  }

  /// - Returns: the exit code.
  /// - Throws: `QuarryError(.usage)` when there is nothing to read.
  func print() async throws(QuarryError) -> Int32 {
    let result = await OwnThread.run {
      Result { () throws(QuarryError) in try read() }
    }
    return try result.get() ? 0 : ExitCode.failure
  }

  /// - Returns: whether all of it was frames.
  private func read() throws(QuarryError) -> Bool {
    let descriptor = try opened()
    defer { if path != nil { close(descriptor) } }
    var decoder = FrameDecoder()
    let lines = LineOutput(console)
    defer { lines.flush() }
    var place = Place()
    while true {
      let count = try bytes(from: descriptor, into: &decoder)
      do throws(WireError) {
        guard try print(all: &decoder, at: &place, lines), count > 0 else {
          if count == 0 { try decoder.finish() }
          return place.isSound
        }
      } catch {
        lines.flush()
        console.warn("\(name), at byte \(place.offset): \(error.message); what follows cannot be read")
        return false
      }
    }
  }

  private struct Place {
    /// Of the frame that was printed last, from 1.
    var frame = 0
    /// Bytes before the next frame.
    var offset = 0
    var isSound = true
  }

  /// Prints the frames that are whole.
  /// - Returns: false when nobody reads any more.
  /// - Throws: where a frame ends cannot be told.
  private func print(
    all decoder: inout FrameDecoder, at place: inout Place, _ lines: LineOutput
  ) throws(WireError) -> Bool {
    while let frame = try decoder.nextFrame() {
      place.frame += 1
      guard print(frame, at: &place, lines) else { return false }
      place.offset += FrameDecoder.prefixLength + frame.count
    }
    return true
  }

  /// - Returns: false when nobody reads any more.
  private func print(_ frame: UnsafeRawBufferPointer, at place: inout Place, _ lines: LineOutput) -> Bool {
    var text: [UInt8] = []
    do throws(WireError) {
      try JSONWriter.append(to: &text) { writer throws(WireError) in try writer.value(frame) }
      guard text.first == UInt8(ascii: "{") else { throw WireError(.undecodable, "it holds no map") }
      return lines.append(text)
    } catch {
      lines.flush()
      console.warn("\(name), at byte \(place.offset), frame \(place.frame): \(error.message)")
      place.isSound = false
      return true
    }
  }

  private func opened() throws(QuarryError) -> Int32 {
    guard let path else { return STDIN_FILENO }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable }
    return descriptor
  }

  private func bytes(from descriptor: Int32, into decoder: inout FrameDecoder) throws(QuarryError) -> Int {
    let room = decoder.writableBuffer()
    while true {
      let count = Glibc.read(descriptor, room.baseAddress, room.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw unreadable }
      decoder.commit(count)
      return count
    }
  }

  private var unreadable: QuarryError {
    QuarryError(
      .usage, "\(name) cannot be read: \(String(cString: strerror(errno)))",
      remedy: "name a file that holds what an executor wrote to its standard output, or - for standard input")
  }
}
