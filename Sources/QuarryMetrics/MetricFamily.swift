/// Samples of one name, with what it means; labels are few and their values come from closed lists.
package struct MetricFamily: Sendable, Equatable {
  package enum Kind: String, Sendable { case counter, gauge, histogram }

  package struct Sample: Sendable, Equatable {
    /// Follows the family's name: `_bucket`, `_sum` and `_count` of a histogram.
    package var suffix = ""
    package var labels: [(name: String, value: String)] = []
    package var value: Double

    package static func == (left: Sample, right: Sample) -> Bool {
      left.suffix == right.suffix && left.value == right.value
        && left.labels.elementsEqual(right.labels) { $0.name == $1.name && $0.value == $1.value }
    }
  }

  package var name: String
  package var kind: Kind
  package var help: String
  package var samples: [Sample]

  /// One sample without labels.
  package init(_ kind: Kind, _ name: String, _ help: String, _ value: Double) {
    self.init(kind, name, help, samples: [Sample(value: value)])
  }

  /// A sample for each value of one label.
  package init(_ kind: Kind, _ name: String, _ help: String, by label: String, _ values: [(String, Double)]) {
    self.init(kind, name, help, samples: values.map { Sample(labels: [(label, $0.0)], value: $0.1) })
  }

  package init(_ kind: Kind, _ name: String, _ help: String, samples: [Sample]) {
    self.kind = kind
    self.name = name
    self.help = help
    self.samples = samples
  }
}
