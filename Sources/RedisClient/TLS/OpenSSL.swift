import Glibc

/// The functions of OpenSSL 3 that are used here. The library is loaded by the first connection that wants TLS and not
/// with the program, whose start would wait for it; no header of it is needed, and no package at build time.
///
/// `@unchecked Sendable`: it holds addresses of functions, which may be called from any thread.
struct OpenSSL: @unchecked Sendable {
  typealias PasswordAsker =
    @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32

  let clientMethod: @convention(c) () -> OpaquePointer?
  let makeContext: @convention(c) (OpaquePointer?) -> OpaquePointer?
  let freeContext: @convention(c) (OpaquePointer?) -> Void
  let controlContext: @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int
  let setVerify: @convention(c) (OpaquePointer?, Int32, UnsafeRawPointer?) -> Void
  let trustSystem: @convention(c) (OpaquePointer?) -> Int32
  let trust: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Int32
  let useCertificate: @convention(c) (OpaquePointer?, UnsafePointer<CChar>) -> Int32
  let useKey: @convention(c) (OpaquePointer?, UnsafePointer<CChar>, Int32) -> Int32
  let setPasswordAsker: @convention(c) (OpaquePointer?, PasswordAsker) -> Void

  let makeSession: @convention(c) (OpaquePointer?) -> OpaquePointer?
  let freeSession: @convention(c) (OpaquePointer?) -> Void
  let controlSession: @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int
  let setBuffers: @convention(c) (OpaquePointer?, OpaquePointer?, OpaquePointer?) -> Void
  let beClient: @convention(c) (OpaquePointer?) -> Void
  let expectHost: @convention(c) (OpaquePointer?, UnsafePointer<CChar>) -> Int32
  let expectations: @convention(c) (OpaquePointer?) -> OpaquePointer?
  let expectAddress: @convention(c) (OpaquePointer?, UnsafePointer<CChar>) -> Int32
  let shakeHands: @convention(c) (OpaquePointer?) -> Int32
  let read: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, Int32) -> Int32
  let write: @convention(c) (OpaquePointer?, UnsafeRawPointer?, Int32) -> Int32
  let outcome: @convention(c) (OpaquePointer?, Int32) -> Int32
  let verification: @convention(c) (OpaquePointer?) -> Int
  let describeVerification: @convention(c) (Int) -> UnsafePointer<CChar>?

  let memory: @convention(c) () -> OpaquePointer?
  let makeBuffer: @convention(c) (OpaquePointer?) -> OpaquePointer?
  let readBuffer: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, Int32) -> Int32
  let writeBuffer: @convention(c) (OpaquePointer?, UnsafeRawPointer?, Int32) -> Int32

  let nextError: @convention(c) () -> UInt
  let describeError: @convention(c) (UInt) -> UnsafePointer<CChar>?
  let clearErrors: @convention(c) () -> Void

  /// - Throws: `Socket.Failure` when this machine does not have it.
  static func loaded() throws(Socket.Failure) -> OpenSSL { try shared.get() }

  private static let name = "libssl.so.3"

  private static let shared: Result<OpenSSL, Socket.Failure> = {
    do throws(Socket.Failure) { return .success(try OpenSSL()) } catch { return .failure(error) }
  }()

  private init() throws(Socket.Failure) {
    guard let library = dlopen(Self.name, RTLD_NOW) else {
      throw Socket.Failure(tls: "\(Self.name) cannot be loaded (Debian's package is libssl3)")
    }
    clientMethod = try Self.function("TLS_client_method", library)
    makeContext = try Self.function("SSL_CTX_new", library)
    freeContext = try Self.function("SSL_CTX_free", library)
    controlContext = try Self.function("SSL_CTX_ctrl", library)
    setVerify = try Self.function("SSL_CTX_set_verify", library)
    trustSystem = try Self.function("SSL_CTX_set_default_verify_paths", library)
    trust = try Self.function("SSL_CTX_load_verify_locations", library)
    useCertificate = try Self.function("SSL_CTX_use_certificate_chain_file", library)
    useKey = try Self.function("SSL_CTX_use_PrivateKey_file", library)
    setPasswordAsker = try Self.function("SSL_CTX_set_default_passwd_cb", library)
    makeSession = try Self.function("SSL_new", library)
    freeSession = try Self.function("SSL_free", library)
    controlSession = try Self.function("SSL_ctrl", library)
    setBuffers = try Self.function("SSL_set_bio", library)
    beClient = try Self.function("SSL_set_connect_state", library)
    expectHost = try Self.function("SSL_set1_host", library)
    expectations = try Self.function("SSL_get0_param", library)
    expectAddress = try Self.function("X509_VERIFY_PARAM_set1_ip_asc", library)
    shakeHands = try Self.function("SSL_do_handshake", library)
    read = try Self.function("SSL_read", library)
    write = try Self.function("SSL_write", library)
    outcome = try Self.function("SSL_get_error", library)
    verification = try Self.function("SSL_get_verify_result", library)
    describeVerification = try Self.function("X509_verify_cert_error_string", library)
    memory = try Self.function("BIO_s_mem", library)
    makeBuffer = try Self.function("BIO_new", library)
    readBuffer = try Self.function("BIO_read", library)
    writeBuffer = try Self.function("BIO_write", library)
    nextError = try Self.function("ERR_get_error", library)
    describeError = try Self.function("ERR_reason_error_string", library)
    clearErrors = try Self.function("ERR_clear_error", library)
    let prepare: @convention(c) (UInt64, OpaquePointer?) -> Int32 = try Self.function("OPENSSL_init_ssl", library)
    // It must not be taken apart at the end of the program under a thread that still uses it.
    guard prepare(Self.noCleanupAtExit, nil) == 1 else { throw Socket.Failure(tls: "\(Self.name) cannot be started") }
  }

  private static let noCleanupAtExit: UInt64 = 0x0008_0000

  /// - Parameter Function: the type that OpenSSL's manual declares for it. Those of libcrypto are found through libssl.
  private static func function<Function>(
    _ name: String, _ library: UnsafeMutableRawPointer
  ) throws(Socket.Failure) -> Function {
    guard let address = dlsym(library, name) else {
      throw Socket.Failure(tls: "\(Self.name) has no \(name); it is too old")
    }
    return unsafeBitCast(address, to: Function.self)
  }
}

extension OpenSSL {
  /// Numbers of OpenSSL's headers, which are part of its binary interface.
  enum Number {
    static let verifyPeer: Int32 = 1
    static let pem: Int32 = 1
    static let setMinimumVersion: Int32 = 123
    static let tls12 = 0x0303
    static let setServerName: Int32 = 55
    static let hostName = 0
    static let wantsToRead: Int32 = 2
    static let hasEnded: Int32 = 6
  }

  /// The first reason that the library noted on this thread; the others are forgotten.
  func reason() -> String? {
    let code = nextError()
    defer { clearErrors() }
    return code == 0 ? nil : describeError(code).map { String(cString: $0) }
  }
}
