import CCurl
import Glibc

/// The functions of libcurl that are used here. The library is loaded by the first request and not with the program: it
/// and the thirty that it needs would cost every start some milliseconds, which is more than all the rest of it.
///
/// `@unchecked Sendable`: it holds addresses of functions, which may be called from any thread.
struct CurlLibrary: @unchecked Sendable {
  typealias Handle = UnsafeMutableRawPointer
  typealias List = UnsafeMutablePointer<curl_slist>

  /// Of a variadic function, for the header's shims.
  let setOption: UnsafeMutableRawPointer
  let makeHandle: @convention(c) () -> Handle?
  let reset: @convention(c) (Handle) -> Void
  let cleanUp: @convention(c) (Handle) -> Void
  let perform: @convention(c) (Handle) -> CURLcode
  let describe: @convention(c) (CURLcode) -> UnsafePointer<CChar>?
  let append: @convention(c) (List?, UnsafePointer<CChar>) -> List?
  let freeList: @convention(c) (List?) -> Void
  let makeURL: @convention(c) () -> OpaquePointer?
  let setPart: @convention(c) (OpaquePointer, CURLUPart, UnsafePointer<CChar>, UInt32) -> CURLUcode
  let part:
    @convention(c) (OpaquePointer, CURLUPart, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, UInt32) ->
      CURLUcode
  let freeURL: @convention(c) (OpaquePointer) -> Void
  let free: @convention(c) (UnsafeMutableRawPointer) -> Void

  /// - Throws: `HTTPError` when this machine does not have it.
  static func loaded() throws(HTTPError) -> CurlLibrary { try shared.get() }

  private static let name = "libcurl.so.4"

  private static let shared: Result<CurlLibrary, HTTPError> = {
    do throws(HTTPError) { return .success(try CurlLibrary()) } catch { return .failure(error) }
  }()

  private init() throws(HTTPError) {
    guard let library = dlopen(Self.name, RTLD_NOW) else {
      throw HTTPError("\(Self.name) cannot be loaded (Debian's package is libcurl4; scripts/setup installs it)")
    }
    setOption = try Self.function("curl_easy_setopt", library)
    makeHandle = try Self.function("curl_easy_init", library)
    reset = try Self.function("curl_easy_reset", library)
    cleanUp = try Self.function("curl_easy_cleanup", library)
    perform = try Self.function("curl_easy_perform", library)
    describe = try Self.function("curl_easy_strerror", library)
    append = try Self.function("curl_slist_append", library)
    freeList = try Self.function("curl_slist_free_all", library)
    makeURL = try Self.function("curl_url", library)
    setPart = try Self.function("curl_url_set", library)
    part = try Self.function("curl_url_get", library)
    freeURL = try Self.function("curl_url_cleanup", library)
    free = try Self.function("curl_free", library)
    let prepare: @convention(c) (Int) -> CURLcode = try Self.function("curl_global_init", library)
    // Everything but signals, once in a process and before anything else.
    guard prepare(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK else { throw HTTPError("\(Self.name) cannot be started") }
  }

  /// - Parameter Function: the type that the header declares for it.
  private static func function<Function>(
    _ name: String, _ library: UnsafeMutableRawPointer
  ) throws(HTTPError) -> Function {
    guard let address = dlsym(library, name) else { throw HTTPError("\(Self.name) has no \(name); it is too old") }
    return unsafeBitCast(address, to: Function.self)
  }
}
