import Glibc
import QuarryCore
import Yams

/// Reads pools of proxies; every complaint names the file and, where there are any, the line. None shows a password.
enum ProxyPoolReader {
  static let poolKeys = ["strategy", "endpoints", "sticky", "recency_window"]
  static let endpointKeys = ["protocol", "host", "port", "username", "password"]
  static let stickyKeys = ["scope", "ttl_ms"]

  /// - Parameter section: a pool, with the keys of `poolKeys`.
  static func pool(named name: String, _ section: ConfigurationSection) throws(QuarryError) -> ProxyPool {
    let strategy = try section.word("strategy", among: ProxyStrategy.self) ?? .roundRobin
    var endpoints: [ProxyEndpoint] = []
    for element in try section.list("endpoints", keys: endpointKeys) ?? [] { endpoints.append(try endpoint(element)) }
    let sticky = try sticky(section.section("sticky", keys: stickyKeys))
    let window = try section.integer("recency_window", minimum: 1)
    return try section.whole { () throws(ProxyProblem) in
      try ProxyPool(
        name: name, strategy: strategy, endpoints: endpoints, sticky: sticky, recencyWindow: window)
    }
  }

  private static func endpoint(_ section: ConfigurationSection) throws(QuarryError) -> ProxyEndpoint {
    let scheme = try section.required("protocol", section.word("protocol", among: ProxyEndpoint.Scheme.self))
    let host = try section.required("host", section.scalar("host"))
    let port = try section.required("port", section.integer("port", minimum: 1))
    let username = try section.scalar("username")
    let password = try section.scalar("password")
    return try section.whole { () throws(ProxyProblem) in
      try ProxyEndpoint(scheme: scheme, host: host, port: port, username: username, password: password)
    }
  }

  private static func sticky(_ section: ConfigurationSection?) throws(QuarryError) -> ProxySticky? {
    guard let section else { return nil }
    let scope = try section.required("scope", section.word("scope", among: ProxySticky.Scope.self))
    return ProxySticky(scope: scope, ttl: try section.integer("ttl_ms", minimum: 1).map { .milliseconds($0) })
  }
}

/// The deprecated file of `--proxy-config`: a JSON array of pools.
enum ProxyPoolFile {
  static func read(_ path: String, in context: CommandContext) throws(QuarryError) -> [ProxyPool] {
    guard let bytes = SmallFile.read(context.absolute(path), limit: 4 << 20) else {
      throw QuarryError(
        .usage, "proxy configuration \(path) cannot be read: \(String(cString: strerror(errno)))",
        remedy: "name a readable JSON file with --proxy-config")
    }
    let value: JSONValue
    do { value = try JSONParser.parse(bytes) } catch { throw QuarryError(.usage, "\(path) is not JSON: \(error)") }
    guard let elements = value.array else {
      throw QuarryError(.usage, "\(path): a proxy configuration is a JSON array of pools")
    }
    var pools: [ProxyPool] = []
    for (index, element) in elements.enumerated() {
      let pool = try pool(element, path: "[\(index)]", file: path)
      guard !pools.contains(where: { $0.name == pool.name }) else {
        throw QuarryError(.usage, "\(path): pool '\(pool.name)' is there twice")
      }
      pools.append(pool)
    }
    return pools
  }

  private static func pool(_ value: JSONValue, path: String, file: String) throws(QuarryError) -> ProxyPool {
    guard case .mapping(let mapping) = Node(json: value) else {
      throw QuarryError(.usage, "\(file): \(path) must be a pool: an object with 'name', 'strategy', 'endpoints'")
    }
    let section = try ConfigurationSection(
      mapping, path: path, keys: ["name"] + ProxyPoolReader.poolKeys, file: ConfigurationText(name: file))
    return try ProxyPoolReader.pool(named: section.required("name", section.scalar("name")), section)
  }
}

extension Node {
  /// JSON as a YAML reader would have it, without lines.
  fileprivate init(json: JSONValue) {
    switch json {
    case .null: self = .scalar(Scalar("", Tag(.null)))
    case .bool(let value): self = .scalar(Scalar("\(value)", Tag(.bool)))
    case .integer(let value): self = .scalar(Scalar("\(value)", Tag(.int)))
    case .unsigned(let value): self = .scalar(Scalar("\(value)", Tag(.int)))
    case .double(let value): self = .scalar(Scalar("\(value)", Tag(.float)))
    case .string(let value): self = .scalar(Scalar(value, Tag(.str)))
    case .array(let elements): self = .sequence(Sequence(elements.map { Node(json: $0) }))
    case .object(let members):
      let pairs = members.sorted { $0.key < $1.key }.map { (Node($0.key, Tag(.str)), Node(json: $0.value)) }
      self = .mapping(Mapping(pairs))
    }
  }
}
