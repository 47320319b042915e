import QuarryCore

/// Indented JSON, members in the order of the contract.
package enum JSONRendering {
  package static func text(of output: Output) -> String {
    var out: [UInt8] = []
    write(output, depth: 0, to: &out)
    out.append(UInt8(ascii: "\n"))
    return String(decoding: out, as: UTF8.self)
  }

  /// The same on one line.
  package static func line(of output: Output) -> String {
    var out: [UInt8] = []
    writeLine(output, to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  private static func writeLine(_ output: Output, to out: inout [UInt8]) {
    switch output {
    case .value(let value): out.append(contentsOf: value.canonicalText.utf8)
    case .record(let fields):
      out.append(UInt8(ascii: "{"))
      for (index, field) in fields.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        JSONText.append(field.name, to: &out)
        out.append(UInt8(ascii: ":"))
        writeLine(field.value, to: &out)
      }
      out.append(UInt8(ascii: "}"))
    case .list(let elements):
      out.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        writeLine(element, to: &out)
      }
      out.append(UInt8(ascii: "]"))
    }
  }

  private static func write(_ output: Output, depth: Int, to out: inout [UInt8]) {
    switch output {
    case .value(let value):
      let lines = value.prettyText.split(separator: "\n", omittingEmptySubsequences: false)
      let indent = "\n" + String(repeating: "  ", count: depth)
      out.append(contentsOf: lines.joined(separator: indent).utf8)
    case .record(let fields):
      sequence("{", fields, "}", depth: depth, to: &out) { field, out in
        JSONText.append(field.name, to: &out)
        out.append(contentsOf: ": ".utf8)
        write(field.value, depth: depth + 1, to: &out)
      }
    case .list(let elements):
      sequence("[", elements, "]", depth: depth, to: &out) { write($0, depth: depth + 1, to: &$1) }
    }
  }

  private static func sequence<Element>(
    _ open: String, _ elements: [Element], _ close: String, depth: Int, to out: inout [UInt8],
    write: (Element, inout [UInt8]) -> Void
  ) {
    out.append(contentsOf: open.utf8)
    for (index, element) in elements.enumerated() {
      out.append(contentsOf: ((index == 0 ? "\n" : ",\n") + String(repeating: "  ", count: depth + 1)).utf8)
      write(element, &out)
    }
    if !elements.isEmpty { out.append(contentsOf: ("\n" + String(repeating: "  ", count: depth)).utf8) }
    out.append(contentsOf: close.utf8)
  }
}
