/// How a connection is encrypted and who it trusts. Names of files alone: nothing here is secret.
package struct RedisTLS: Sendable, Hashable {
  /// PEM file of the authorities that may have signed the server's certificate; nil for those of this system.
  package var authorities: String?
  /// PEM files of the certificate (with what leads to its authority) and the key that this side shows; both or none.
  package var certificate: String?
  package var key: String?
  /// The name that must be in the server's certificate; nil for the host of the address.
  package var serverName: String?

  package init() {}
}
