import Synchronization

/// What the connections of one endpoint have learnt together: which node of a cluster has what they ask for.
final class Whereabouts: Sendable {
  private let node = Mutex<RedisEndpoint.Server?>(nil)

  /// Nil until a node said that another one has it.
  var current: RedisEndpoint.Server? { node.withLock { $0 } }

  /// - Parameter asked: the node that answered; its host stands in where the answer names none.
  func moved(to text: String, by asked: RedisEndpoint.Server?) {
    guard var next = RedisEndpoint.Server(node: text) else { return }
    if next.host.isEmpty { next.host = asked?.host ?? "localhost" }
    node.withLock { $0 = next }
  }

  /// It could not be reached, or has lost its part: whoever connects next asks the nodes of the address again.
  func forget(_ server: RedisEndpoint.Server) {
    node.withLock { if $0 == server { $0 = nil } }
  }
}
