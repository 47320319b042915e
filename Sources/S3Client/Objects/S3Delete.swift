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
        // A key that XML cannot hold goes alone, and so does the empty one, which is refused.
        if key.isEmpty || XMLText.escaped(key) == nil { try delete(key, within: limit) } else { batch.append(key) }
      }
      if !batch.isEmpty { try deleteBatch(batch, within: limit) }
    }
  }

  private func deleteBatch(_ keys: [String], within limit: Duration?) throws(S3Error) {
    // By their bytes: two spellings of one letter are two keys, and equal as `String`s.
    let asked = Set(keys.map { Array($0.utf8) })
    var again: [String] = []
    var first: S3Error?
    for failure in try failures(keys, within: limit) where failure["Code"]?.text != "NoSuchKey" {
      let key = (failure["Key"]?.text).flatMap { asked.contains(Array($0.utf8)) ? $0 : nil }
      if let key, S3Verdict.mayPass(failure["Code"]?.text ?? "") {
        again.append(key)
      } else if first == nil {
        first = try refusal(failure, of: key)
      }
    }
    for key in again {
      // Alone it is tried until its time is over.
      do throws(S3Error) { try delete(key, within: limit) } catch { throw first ?? error }
    }
    if let first { throw first }
  }

  /// What the store says of those that it did not remove.
  private func failures(_ keys: [String], within limit: Duration?) throws(S3Error) -> [XMLElement] {
    let objects = keys.compactMap(XMLText.escaped).map { "<Object><Key>\($0)</Key></Object>" }.joined()
    var request = S3Request("delete", "POST")
    request.ask("delete")
    request.set("Content-Type", "application/xml")
    request.mayFailLate = true
    request.carryWithDigest(
      Array("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>\(objects)</Delete>".utf8))
    var attempts = S3Attempts(self, within: limit)
    let answer = try attempts.run(request)
    do throws(XMLError) {
      let document = try XMLReader.read(answer.body)
      guard document.name == "DeleteResult" else { throw XMLError(reason: "it is a <\(document.name.shown(64))>") }
      return document.all("Error")
    } catch {
      throw S3Error(.malformed, "delete \(name(keys.first))", "the answer cannot be read: \(error.reason)")
    }
  }

  /// - Parameter key: nil for one that nobody asked to remove: it is neither tried nor shown.
  private func refusal(_ failure: XMLElement, of key: String?) throws(S3Error) -> S3Error {
    let credentials = try credentials.current()
    func said(_ name: String, _ limit: Int) -> String { credentials.redacted(failure[name]?.text ?? "").shown(limit) }
    let code = said("Code", 64)
    if S3Verdict.mayPass(code) {
      return S3Error(.malformed, "delete \(name(nil))", "\(code) is of a key that was not asked for", code: code)
    }
    return S3Error(
      code == "AccessDenied" ? .accessDenied : .refused, "delete \(name(key))", "\(code): \(said("Message", 300))",
      code: code)
  }
}
