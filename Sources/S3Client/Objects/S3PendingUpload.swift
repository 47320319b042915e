/// An upload that was begun and neither finished nor given up: its parts take room, and no listing of objects shows it.
package struct S3PendingUpload: Sendable, Equatable {
  package let key: String
  package let id: String
  /// Unix seconds.
  package let begun: Int

  package init(key: String, id: String, begun: Int) {
    self.key = key
    self.id = id
    self.begun = begun
  }
}

extension S3Client {
  /// What writers left behind that died, or never heard that they had begun; also what is being written now.
  package func pendingUploads(prefix: String = "", within limit: Duration? = nil) throws(S3Error) -> [S3PendingUpload] {
    var found: [S3PendingUpload] = []
    var marker: (key: String, id: String)?
    while true {
      var request = S3Request("list uploads of", "GET")
      // Keys come as they are: SeaweedFS says that it escapes them, and does not.
      request.ask("uploads")
      if !prefix.isEmpty { request.ask("prefix", prefix) }
      if let marker {
        request.ask("key-marker", marker.key)
        request.ask("upload-id-marker", marker.id)
      }
      var attempts = S3Attempts(self, within: limit)
      let answer = try attempts.run(request)
      do throws(XMLError) {
        let document = try XMLReader.read(answer.body)
        found += try S3PendingUpload.all(in: document)
        guard document["IsTruncated"]?.text == "true" else { return found }
        guard let last = found.last, last.id != marker?.id else { throw XMLError(reason: "it goes on where it was") }
        marker = (last.key, last.id)
      } catch {
        throw S3Error(.malformed, "list uploads of \(name(prefix))", "the answer cannot be read: \(error.reason)")
      }
    }
  }

  /// Frees what its parts take; one that is gone is no error. Its writer, if there is one, fails.
  package func abort(_ upload: S3PendingUpload) throws(S3Error) { try abortUpload(upload.key, upload.id) }
}

extension S3PendingUpload {
  fileprivate static func all(in document: XMLElement) throws(XMLError) -> [S3PendingUpload] {
    var uploads: [S3PendingUpload] = []
    for upload in document.all("Upload") {
      guard let key = upload["Key"]?.text, let id = upload["UploadId"]?.text,
        let begun = (upload["Initiated"]?.text).flatMap(UTCTime.init(iso:))
      else { throw XMLError(reason: "an upload has no key, id or time") }
      uploads.append(S3PendingUpload(key: key, id: id, begun: begun.seconds))
    }
    return uploads
  }
}
