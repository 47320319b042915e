import QuarryCore
import QuarryMetrics
import Testing

@Suite struct ExpositionTests {
  @Test func helpAndLabelsAreEscaped() {
    let families = [
      MetricFamily(
        .counter, "a_total", "Two\nlines, a \\ and a \".", by: "l", [("a \"b\" \\ c\nd", 1.5), ("é", 2)])
    ]
    #expect(
      Exposition.text(families)
        == #"""
        # HELP a_total Two\nlines, a \\ and a ".
        # TYPE a_total counter
        a_total{l="a \"b\" \\ c\nd"} 1.5
        a_total{l="é"} 2

        """#)
  }

  @Test func numbersAreThoseOfGo() {
    let values: [(Double, String)] = [
      (0, "0"), (-3, "-3"), (0.25, "0.25"), (1_700_000_000, "1700000000"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
      (.nan, "NaN"),
    ]
    for (value, text) in values { #expect(Exposition.number(value) == text) }
  }

  @Test func aHistogramAddsUp() {
    let histogram = DurationHistogram(bounds: [0.1, 1])
    for milliseconds in [50, 100, 500, 5_000] { histogram.note(.milliseconds(milliseconds)) }
    #expect(
      Exposition.text([histogram.family("d_seconds", "Durations.")])
        == """
        # HELP d_seconds Durations.
        # TYPE d_seconds histogram
        d_seconds_bucket{le="0.1"} 2
        d_seconds_bucket{le="1"} 3
        d_seconds_bucket{le="+Inf"} 4
        d_seconds_sum 5.65
        d_seconds_count 4

        """)
  }

  @Test func addresses() throws {
    let good: [(String, MetricsAddress)] = [
      ("9464", .tcp(host: "127.0.0.1", port: 9464)), (":9464", .tcp(host: "127.0.0.1", port: 9464)),
      ("0.0.0.0:0", .tcp(host: "0.0.0.0", port: 0)), ("[::1]:80", .tcp(host: "::1", port: 80)),
      ("localhost:80", .tcp(host: "localhost", port: 80)), ("unix:/run/q", .unix(path: "/run/q")),
      ("unix:///run/q", .unix(path: "/run/q")), ("unix:q", .unix(path: "q")),
    ]
    for (text, address) in good { #expect(try MetricsAddress(text) == address) }
    let long = "unix:/" + String(repeating: "x", count: 108)
    for text in ["", "host", "host:", "host:70000", "a:b:1", "http://host:1", "::1:80", "unix:", long, "host:-1"] {
      let error = #expect(throws: QuarryError.self, "\(text)") { try MetricsAddress(text) }
      #expect(error?.remedy?.contains("--metrics-addr") == true)
    }
    #expect("\(MetricsAddress.tcp(host: "::1", port: 80))" == "http://[::1]:80/metrics")
  }
}
