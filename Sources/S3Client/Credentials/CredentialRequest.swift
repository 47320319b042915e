import HTTPClient

/// Small requests to those who hand out credentials: a few tries, short time limits, answers of at most 256 KiB. No
/// message shows more of an address than its origin, nor anything of an answer but a code.
struct CredentialRequest: Sendable {
  private static let limit = 256 << 10

  let http: HTTPClient
  let clock: S3Clock
  /// Of each try.
  var timeout = Duration.seconds(5)
  var tries = 3
  /// False for hosts that are part of this machine's surroundings.
  var usesProxy = false

  /// - Parameter name: who is asked, for messages.
  /// - Returns: the first answer that is no passing failure, or the last one.
  func send(
    _ method: String, _ url: String, headers: [CanonicalRequest.Pair] = [], body: String = "", to name: String
  ) throws(S3Error) -> HTTPResponse {
    let request = try request(method, url, headers, body, name)
    for number in 1... {
      do throws(HTTPError) {
        let response = try http.fetch(request, limit: Self.limit)
        if number == tries || !Self.mayPass(response.head.status) { return response }
      } catch {
        guard number < tries, ![.invalid, .untrusted, .stopped].contains(error.kind) else {
          throw .credentials("\(name) at \(request.address.origin) does not answer: \(error.message)")
        }
      }
      clock.sleep(.milliseconds(Int64(clock.random() * 100 * Double(1 << number))))
    }
    preconditionFailure("the loop ends by itself")
  }

  private func request(
    _ method: String, _ url: String, _ headers: [CanonicalRequest.Pair], _ body: String, _ name: String
  ) throws(S3Error) -> HTTPRequest {
    do throws(HTTPError) {
      var all: [HTTPRequest.Header] = []
      for header in headers { all.append(try HTTPRequest.Header(header.name, header.value)) }
      var request = HTTPRequest(
        method, try HTTPAddress(url), headers: all, body: Array(body.utf8), timeout: timeout)
      request.usesProxy = usesProxy
      return request
    } catch {
      throw .credentials("\(name) cannot be asked: \(error.message)")
    }
  }

  private static func mayPass(_ status: Int) -> Bool { status == 429 || status >= 500 }
}
