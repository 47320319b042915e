import PercentEncoding

/// One object of a listing.
package struct S3Entry: Sendable, Equatable {
  package let key: String
  package let size: Int
  /// In quotes.
  package let etag: String
  /// Unix seconds.
  package let modified: Int
}

/// Up to 1,000 objects. S3 sorts keys by their bytes; others may sort folder by folder (SeaweedFS does), so an order is
/// nothing to build upon, but for the one that continues a listing.
package struct S3Page: Sendable, Equatable {
  package let entries: [S3Entry]
  /// What keys have in common up to the delimiter, which ends each.
  package let folders: [String]
  /// Where the next page begins; nil for the last one.
  package let next: String?
}

extension S3Client {
  /// All pages of a listing, one after another.
  /// - Parameters:
  ///   - delimiter: keys with it behind the prefix are put together as folders.
  ///   - start: only keys behind this one.
  ///   - visit: false ends the listing.
  package func list(
    prefix: String = "", delimiter: String? = nil, after start: String? = nil, within limit: Duration? = nil,
    visit: (S3Page) throws(S3Error) -> Bool
  ) throws(S3Error) {
    var next: String?
    repeat {
      let page = try page(prefix: prefix, delimiter: delimiter, after: start, from: next, within: limit)
      guard try visit(page) else { return }
      guard page.next == nil || page.next != next else {
        throw S3Error(.malformed, "list \(name(prefix))", "the store continues its listing where it was")
      }
      next = page.next
    } while next != nil
  }

  /// One page.
  /// - Parameters:
  ///   - token: of the page before.
  ///   - count: 1 to 1,000.
  package func page(
    prefix: String = "", delimiter: String? = nil, after start: String? = nil, from token: String? = nil,
    count: Int = 1_000, within limit: Duration? = nil
  ) throws(S3Error) -> S3Page {
    var request = S3Request("list", "GET")
    request.ask("list-type", "2")
    // Escaped, keys may hold what XML cannot.
    request.ask("encoding-type", "url")
    request.ask("max-keys", String(count))
    if !prefix.isEmpty { request.ask("prefix", prefix) }
    if let delimiter { request.ask("delimiter", delimiter) }
    if let start { request.ask("start-after", start) }
    if let token { request.ask("continuation-token", token) }
    var attempts = S3Attempts(self, within: limit)
    let answer = try attempts.run(request)
    do throws(XMLError) { return try S3Page(XMLReader.read(answer.body)) } catch {
      throw S3Error(
        .malformed, "list \(name(prefix))", "the answer of \(requestOrigin) cannot be read: \(error.reason)")
    }
  }
}

extension S3Page {
  init(_ document: XMLElement) throws(XMLError) {
    guard document.name == "ListBucketResult" else { throw XMLError(reason: "it is a <\(document.name)>") }
    let isEscaped = document["EncodingType"]?.text == "url"
    func key(_ element: XMLElement?) throws(XMLError) -> String {
      guard let text = element?.text else { throw XMLError(reason: "an object has no key") }
      guard isEscaped else { return text }
      // Stores write a space as a form does.
      guard let key = PercentEncoding.unescape(text.replacing("+", with: " ")[...]) else {
        throw XMLError(reason: "a key is wrongly escaped")
      }
      return key
    }
    var entries: [S3Entry] = []
    for object in document.all("Contents") {
      guard let size = (object["Size"]?.text).flatMap({ Int($0) }),
        let modified = (object["LastModified"]?.text).flatMap(UTCTime.init(iso:))
      else { throw XMLError(reason: "an object has no size or no time") }
      entries.append(
        S3Entry(key: try key(object["Key"]), size: size, etag: object["ETag"]?.text ?? "", modified: modified.seconds))
    }
    var folders: [String] = []
    for folder in document.all("CommonPrefixes") { folders.append(try key(folder["Prefix"])) }
    (self.entries, self.folders) = (entries, folders)
    guard document["IsTruncated"]?.text == "true" else {
      next = nil
      return
    }
    guard let token = document["NextContinuationToken"]?.text, !token.isEmpty else {
      throw XMLError(reason: "the listing goes on, and it does not say where")
    }
    next = token
  }
}
