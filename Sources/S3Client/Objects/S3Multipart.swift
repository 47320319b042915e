/// The requests that make one object of many parts.
extension S3Client {
  /// - Returns: the upload's id.
  func beginUpload(_ key: String, contentType: String?, putID: String) throws(S3Error) -> String {
    var request = S3Request("begin upload of", "POST", key: key)
    request.ask("uploads")
    if let contentType { request.set("Content-Type", contentType) }
    request.set(Self.putIDHeader, putID)
    request.carry([])
    var attempts = S3Attempts(self, within: nil)
    let answer = try attempts.run(request)
    do throws(XMLError) {
      guard let id = try XMLReader.read(answer.body)["UploadId"]?.text, !id.isEmpty else {
        throw XMLError(reason: "it has no UploadId")
      }
      return id
    } catch {
      throw S3Error(.malformed, "begin upload of \(name(key))", "the answer cannot be read: \(error.reason)")
    }
  }

  /// - Parameter number: from 1 to 10,000.
  /// - Returns: the part's ETag.
  func uploadPart(_ key: String, _ upload: String, number: Int, _ bytes: [UInt8]) throws(S3Error) -> String {
    var request = S3Request("upload part \(number) of", "PUT", key: key)
    request.ask("partNumber", String(number))
    request.ask("uploadId", upload)
    request.carry(bytes)
    var attempts = S3Attempts(self, within: nil)
    return try etag(of: try attempts.run(request), "upload part \(number) of", key)
  }

  /// - Returns: the object's ETag.
  /// - Throws: like a put with this condition; without one, too, an answer that was lost is found again.
  func completeUpload(
    _ key: String, _ upload: String, parts: [String], if condition: S3Condition?, putID: String
  ) throws(S3Error) -> String {
    var request = S3Request("complete upload of", "POST", key: key)
    request.ask("uploadId", upload)
    request.mayFailLate = true
    if let condition { request.require(condition) }
    let list = parts.enumerated().map { number, etag in
      "<Part><PartNumber>\(number + 1)</PartNumber><ETag>\(XMLText.escaped(etag) ?? "")</ETag></Part>"
    }
    request.carry(
      Array(
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\(list.joined())</CompleteMultipartUpload>"
          .utf8))
    var attempts = S3Attempts(self, within: nil)
    do throws(S3Error) {
      let answer = try attempts.run(request)
      let document = try? XMLReader.read(answer.body)  // It was read before, to see whether it is an error.
      guard let etag = document?["ETag"]?.text ?? answer.head["etag"], !etag.isEmpty else {
        throw S3Error(.malformed, "complete upload of \(name(key))", "the answer has no ETag")
      }
      return etag
    } catch {
      // An upload that is gone after an answer was lost has been completed.
      let isGone = error.kind == .noSuchUpload || error.kind == .noSuchKey
      let meant = isGone && attempts.isOpen ? error.with(.conditionFailed) : error.ofCondition
      return try settle(meant, key, id: putID, isOpen: attempts.isOpen, isLost: attempts.isOpen).etag
    }
  }

  /// Frees what the parts take; an upload that is gone is no error.
  func abortUpload(_ key: String, _ upload: String) throws(S3Error) {
    var request = S3Request("abort upload of", "DELETE", key: key)
    request.ask("uploadId", upload)
    var attempts = S3Attempts(self, within: nil)
    do throws(S3Error) { _ = try attempts.run(request) } catch {
      guard error.kind == .noSuchUpload || error.kind == .noSuchKey else { throw error }
    }
  }
}
