/// One key, as a terminal tells of it.
package enum Key: Sendable, Equatable {
  case character(Character)
  /// With Ctrl held: a lower case letter or a sign.
  case control(Character)
  case up, down, left, right
  case home, end, pageUp, pageDown
  case enter, tab, backspace, delete, escape
}

/// What comes from a keyboard.
package enum TerminalInput: Sendable, Equatable {
  case key(Key)
  /// Text that was pasted: none of it was typed, so none of it is a command.
  case pasted(String)
}
