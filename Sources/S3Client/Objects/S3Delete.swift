extension S3Client {
  /// Removes an object; one that is not there is no error.
  package func delete(_ key: String, within limit: Duration? = nil) throws(S3Error) {
    var attempts = S3Attempts(self, within: limit)
    do throws(S3Error) { _ = try attempts.run(S3Request("delete", "DELETE", key: key)) } catch {
      guard error.kind == .noSuchKey else { throw error }
    }
  }

  /// Removes many, 1,000 with each request; those that are not there are no error.
  /// - Throws: the first refusal of a key, after the rest of its request was carried out.
  package func delete(_ keys: [String], within limit: Duration? = nil) throws(S3Error) {
    var rest = keys[...]
    while !rest.isEmpty {
      var batch: [String] = []
      while let key = rest.first, batch.count < 1_000 {
        rest.removeFirst()
        // A key that XML cannot hold goes alone.
        if XMLText.escaped(key) == nil { try delete(key, within: limit) } else { batch.append(key) }
      }
      if !batch.isEmpty { try deleteBatch(batch, within: limit) }
    }
  }

  private func deleteBatch(_ keys: [String], within limit: Duration?) throws(S3Error) {
    let objects = keys.compactMap(XMLText.escaped).map { "<Object><Key>\($0)</Key></Object>" }.joined()
    var request = S3Request("delete", "POST")
    request.ask("delete")
    request.set("Content-Type", "application/xml")
    request.carryWithDigest(
      Array("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>\(objects)</Delete>".utf8))
    var attempts = S3Attempts(self, within: limit)
    let answer = try attempts.run(request)
    let document: XMLElement
    do throws(XMLError) { document = try XMLReader.read(answer.body) } catch {
      throw S3Error(.malformed, "delete \(name(keys.first))", "the answer cannot be read: \(error.reason)")
    }
    for failure in document.all("Error") {
      let (code, key) = (failure["Code"]?.text ?? "", failure["Key"]?.text ?? "")
      if code == "NoSuchKey" { continue }
      if S3Verdict.mayPass(code) {
        // Alone it is tried until its time is over.
        try delete(key, within: limit)
        continue
      }
      throw S3Error(
        code == "AccessDenied" ? .accessDenied : .refused, "delete \(name(key))",
        "\(code): \(failure["Message"]?.text ?? "")", code: code)
    }
  }
}
