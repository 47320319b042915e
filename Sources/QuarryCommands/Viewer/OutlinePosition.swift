/// Which row is selected, and which one stands at the top of the screen.
struct OutlinePosition {
  private(set) var selected: Int
  private(set) var top = 0
  /// Rows of the screen, as of the last drawing.
  private(set) var height = 1

  init(in rows: [Outline.Row]) { selected = rows.firstIndex(where: \.isSelectable) ?? 0 }

  /// - Parameter distance: in rows, downwards; headers are passed over.
  mutating func move(by distance: Int, in rows: [Outline.Row]) {
    let target = min(max(0, selected + distance), max(0, rows.count - 1))
    let after = rows.indices.dropFirst(target).first { rows[$0].isSelectable }
    let before = rows.indices.prefix(target + 1).last { rows[$0].isSelectable }
    selected = (distance < 0 ? before ?? after : after ?? before) ?? 0
  }

  mutating func select(_ row: Int) { selected = row }

  /// Rows came or went; what was selected stands in another one, and stays where it is on the screen.
  mutating func follow(to row: Int) {
    top += row - selected
    selected = row
  }

  /// Brings what is selected onto a screen of so many rows.
  mutating func show(in rows: [Outline.Row], height: Int) {
    self.height = max(1, height)
    top = min(max(0, top), max(0, rows.count - self.height))
    top = min(max(top, selected - self.height + 1), selected)
    // The table's header takes the first row.
    if selected == top, top > 0, rows[selected].header != nil, self.height > 1 { top -= 1 }
  }
}
