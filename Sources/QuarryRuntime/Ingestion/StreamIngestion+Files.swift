import QuarryCore
import QuarryWire

extension StreamIngestion {
  func take(_ file: FileWriteFrame) throws(IngestionFailure) {
    let name = try Self.filename(file.filename)
    guard terminal == nil else { return refuse(file, name, "run already terminated") }
    do throws(QuarryError) {
      try sink.putFile(name: name, contentType: file.contentType.string, data: file.data)
    } catch {
      counts.filesFailed += 1
      return refuse(file, name, error.message)
    }
    counts.filesStored += 1
    if file.writeID != 0 { acks += FileWriteAck.frame(writeID: file.writeID) }
  }

  private func refuse(_ file: FileWriteFrame, _ name: String, _ reason: String) {
    let note = "file '\(name)' is not stored: \(reason)"
    // An executor that asks for no answer cannot tell its script.
    guard file.writeID != 0 else { return onLoss(note) }
    onNote(note)
    acks += FileWriteAck.frame(writeID: file.writeID, error: reason)
  }

  /// A filename becomes one path segment as it is, so only what is safe there passes.
  private static func filename(_ text: WireText) throws(IngestionFailure) -> String {
    guard let name = text.validated else { throw IngestionFailure(.stream, "a filename is not UTF-8") }
    guard !name.isEmpty else { throw IngestionFailure(.stream, "a filename is empty") }
    guard name != ".", !name.contains("/"), !name.contains("\\"), !name.contains("..") else {
      throw IngestionFailure(.stream, "the filename '\(name)' holds '/', '\\' or '..'")
    }
    guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
      throw IngestionFailure(.stream, "a filename holds a control character")
    }
    return name
  }
}
