/// One argument of a command; any bytes.
package enum RedisArgument: Sendable, Hashable {
  case text(String)
  case bytes([UInt8])
  case integer(Int64)
}

extension RedisArgument: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral {
  package init(stringLiteral value: String) { self = .text(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(_ value: String) { self = .text(value) }
  package init(_ value: [UInt8]) { self = .bytes(value) }
  package init(_ value: some BinaryInteger) { self = .integer(Int64(value)) }
}

/// A command with its arguments, or the call of a script: `["SET", "key", .bytes(value)]`.
package struct RedisCommand: Sendable, Hashable, ExpressibleByArrayLiteral {
  package var arguments: [RedisArgument]
  /// Set for a script's call, so that it can be loaded when the server does not have it.
  let script: RedisScript?

  package init(_ arguments: [RedisArgument]) {
    self.arguments = arguments
    script = nil
  }

  package init(arrayLiteral elements: RedisArgument...) { self.init(elements) }

  /// Calls a script by its hash (EVALSHA). When the server answers NOSCRIPT the script is loaded and called again;
  /// inside a pipeline such calls then run after the pipeline's other commands, in their own order.
  package static func script(
    _ script: RedisScript, keys: [RedisArgument], arguments: [RedisArgument] = []
  ) -> RedisCommand {
    RedisCommand(script: script, ["EVALSHA", .text(script.sha1), .integer(Int64(keys.count))] + keys + arguments)
  }

  private init(script: RedisScript, _ arguments: [RedisArgument]) {
    self.script = script
    self.arguments = arguments
  }
}

extension RedisCommand {
  /// Appends the command as RESP.
  package func encode(into out: inout [UInt8]) {
    Self.appendHeader("*", arguments.count, to: &out)
    for argument in arguments {
      switch argument {
      case .bytes(let bytes): Self.append(bytes, to: &out)
      case .text(let text): Self.append(text.utf8, to: &out)
      case .integer(let value): Self.append(String(value).utf8, to: &out)
      }
    }
  }

  private static func append(_ bytes: some Collection<UInt8>, to out: inout [UInt8]) {
    appendHeader("$", bytes.count, to: &out)
    out.append(contentsOf: bytes)
    out.append(13)
    out.append(10)
  }

  private static func appendHeader(_ mark: Unicode.Scalar, _ count: Int, to out: inout [UInt8]) {
    out.append(UInt8(ascii: mark))
    if count < 10 {
      out.append(UInt8(ascii: "0") + UInt8(count))
    } else {
      out.append(contentsOf: String(count).utf8)
    }
    out.append(13)
    out.append(10)
  }
}
