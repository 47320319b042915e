/// The page that `?` shows.
enum ViewerHelp {
  static let page = TextPage(title: "keys", text: text)

  private static let text = """
    ↑ ↓  k j              up, down
    PgUp PgDn  b Space    a page up, down
    Ctrl-U Ctrl-D         half a page
    g G  Home End         the first, the last
    → Enter  l            open; a value that does not fit its line is shown whole
    ← Backspace  h        close; again: to what it is a part of
    / text Enter          search, also in what is closed; capitals count if you type some
    n N                   the next, the one before
    r                     read again now
    Ctrl-L                draw the screen again
    Ctrl-Z                leave it for a while (`fg` comes back)
    ?                     this page; Esc leaves it
    q  Ctrl-C             end

    What is shown is what --format json prints. While more may come (a run that goes on, a fleet, a dataset's figures) it \
    is read again every second, or less often where reading takes long; the last line says when it was read.

    Characters that a terminal would obey are shown by their codes, as \\u001b.
    """
}
