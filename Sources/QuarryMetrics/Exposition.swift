/// Prometheus' text format, version 0.0.4.
package enum Exposition {
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  package static func text(_ families: [MetricFamily]) -> String {
    var out = ""
    for family in families {
      out +=
        "# HELP \(family.name) \(escaped(family.help, quotes: false))\n# TYPE \(family.name) \(family.kind.rawValue)\n"
      for sample in family.samples { append(sample, of: family.name, to: &out) }
    }
    return out
  }

  private static func append(_ sample: MetricFamily.Sample, of name: String, to out: inout String) {
    out += name + sample.suffix
    if !sample.labels.isEmpty {
      out +=
        "{" + sample.labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
    }
    out += " \(number(sample.value))\n"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var out = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": out += #"\\"#
      case "\n": out += #"\n"#
      case "\"" where quotes: out += #"\""#
      default: out.unicodeScalars.append(character)
      }
    }
    return out
  }

  package static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}
