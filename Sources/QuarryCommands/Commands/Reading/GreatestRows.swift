/// The greatest of the rows that are added, in memory of some of them.
struct GreatestRows<Row: Sendable, Key: Comparable>: Sendable {
  let limit: Int
  private let key: @Sendable (Row) -> Key
  private var rows: [Row] = []

  init(limit: Int, by key: @escaping @Sendable (Row) -> Key) {
    self.limit = limit
    self.key = key
  }

  mutating func add(_ row: Row) {
    rows.append(row)
    if rows.count > 256, rows.count / 2 > limit { rows = greatestFirst }
  }

  var greatestFirst: [Row] { Array(rows.sorted { key($0) > key($1) }.prefix(limit)) }
}
