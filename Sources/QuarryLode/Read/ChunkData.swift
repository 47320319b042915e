import QuarryCore

/// The bytes in a chunk's record line.
enum ChunkData {
  /// - Parameter line: what stands now where the chunk was found before.
  /// - Throws: `QuarryError(.storage)` when the line is no longer that chunk, or its bytes are damaged.
  static func read(_ chunk: ChunkCover.Chunk, of artifact: String, line: [UInt8]) throws(QuarryError) -> [UInt8] {
    let place = "\(chunk.path), byte \(chunk.place)"
    guard line.count == chunk.lineLength else {
      throw QuarryError(.storage, "artifact \(artifact) is damaged at \(place): the file ends there now")
    }
    let decoded = line.withUnsafeBytes { line -> Result<[UInt8], Damage> in
      do throws(Damage) { return .success(try decode(line)) } catch { return .failure(error) }
    }
    do throws(Damage) {
      let data = try decoded.get()
      if data.count == chunk.length { return data }
      throw Damage(reason: "the chunk holds \(data.count) bytes and says \(chunk.length)")
    } catch {
      throw QuarryError(.storage, "artifact \(artifact) is damaged at \(place): \(error.reason)")
    }
  }

  struct Damage: Error {
    let reason: String
  }

  /// - Throws: for data that is no base64, or not what its checksum is of.
  static func decode(_ line: UnsafeRawBufferPointer) throws(Damage) -> [UInt8] {
    var data: [UInt8]? = []
    var members: [String: String] = [:]
    RecordMembers.forEach(in: line) { key, value in
      switch key {
      case "data": data = decode(value: value)
      case "checksum", "checksum_algo": members[key] = RecordMembers.text(value)
      default: break
      }
      return true
    }
    guard let data else { throw Damage(reason: "its data is no base64") }
    if let stated = members["checksum"], members["checksum_algo"] == "md5" {
      let found = data.withUnsafeBytes { MD5.hex($0) }
      guard stated.lowercased() == found else { throw Damage(reason: "its checksum is \(found), not \(stated)") }
    }
    return data
  }

  /// Null is an empty chunk.
  private static func decode(value: UnsafeRawBufferPointer) -> [UInt8]? {
    if value.elementsEqual("null".utf8) { return [] }
    guard value.count >= 2, value.first == UInt8(ascii: "\""), value.last == UInt8(ascii: "\"") else { return nil }
    if let data = Base64Decoder.decode(UnsafeRawBufferPointer(rebasing: value[1..<value.count - 1])) { return data }
    // Digits may stand there escaped (`\/`).
    guard value.contains(UInt8(ascii: "\\")), let text = RecordMembers.text(value) else { return nil }
    return Array(text.utf8).withUnsafeBytes { Base64Decoder.decode($0) }
  }
}
