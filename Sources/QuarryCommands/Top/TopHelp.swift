/// The page that `?` shows.
enum TopHelp {
  static let page = TextPage(title: "keys", text: text)

  private static let text = """
    Tab  1 2 3 4          the next list; workers, hosts, leases, jobs
    s S                   sort by the next column; the other way round
    ↑ ↓  k j              up, down
    PgUp PgDn  b Space    a page up, down
    ← →  h l              to the side
    g G  Home End         the first, the last
    p                     hold the picture, and go on
    r                     read now
    Ctrl-L                draw the screen again
    Ctrl-Z                leave it for a while (`fg` comes back)
    ?                     this page; Esc leaves it
    q  Ctrl-C             end

    It changes nothing in the fleet. Jobs are the newest 100, workers the 200 seen last, leases the 100 that end first, \
    hosts 100 of those with work; where there are more hosts, a lane's number is what these have, and more (>=).
    WAITS_FOR and OPENS say which gate keeps a host's work back, and how long: see `quarry inspect task`.
    The rate is that of the last ten seconds; the time left is for the work that is known.
    """
}
