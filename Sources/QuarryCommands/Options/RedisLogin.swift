import RedisClient

/// As whom to log in to the fleet's Redis where its address says nothing of it: a password on a command line is seen by
/// everybody on the machine, and one in an address must be percent-escaped.
struct RedisLogin {
  static let userVariable = "QUARRY_REDIS_USER"
  static let passwordVariable = "QUARRY_REDIS_PASSWORD"

  private let user: String?
  private let password: String?

  /// The environment over the configuration.
  init(_ configuration: Configuration.Fleet, _ environment: [String: String]) {
    func given(_ variable: String, _ configured: String?) -> String? {
      [environment[variable], configured].lazy.compactMap(\.self).first { !$0.isEmpty }
    }
    user = given(Self.userVariable, configuration.redisUser)
    password = given(Self.passwordVariable, configuration.redisPassword)
  }

  func applied(to endpoint: RedisEndpoint) -> RedisEndpoint {
    guard endpoint.password == nil, let password else { return endpoint }
    var endpoint = endpoint
    endpoint.user = endpoint.user ?? user
    endpoint.password = password
    return endpoint
  }
}
