import QuarryCore

/// Prints a document, and each one that differs from the one before. Ctrl-C, SIGTERM, the end of its terminal and of
/// whoever reads stdout end it, also in the middle of a look.
struct WatchPrinter {
  private enum Event {
    case due, news, over
  }

  private var pace: LivePace
  private let console: Console
  private let print: (Output) throws -> Void
  private var shown: DocumentReading
  private var isFailing = false

  init(
    _ first: DocumentReading, pace: LivePace, console: Console, print: @escaping (Output) throws -> Void
  ) {
    self.pace = pace
    self.console = console
    self.print = print
    shown = first
  }

  /// Returns when it is over.
  mutating func run(read: @escaping @Sendable () async -> DocumentFeed.News) async throws {
    let (events, sink) = AsyncStream.makeStream(of: Event.self)
    // Before anything is printed: whoever has read it may end this.
    try ReaderEnd.watch { sink.yield(.over) }
    try print(shown.document)
    let feed = DocumentFeed(announce: { sink.yield(.news) }, read: read)
    Self.call(at: pace.nextAt) { sink.yield(.due) }
    for await event in events {
      switch event {
      case .over: return
      case .due:
        pace.begin()
        feed.request()
      case .news:
        try feed.take().map { try take($0) }
        Self.call(at: pace.nextAt) { sink.yield(.due) }
      }
      guard console.isOutputOpen() else { return }
    }
  }

  private mutating func take(_ news: DocumentFeed.News) throws {
    switch news {
    case .read(let reading):
      if isFailing { console.say("it can be read again") }
      isFailing = false
      for note in reading.notes where !shown.notes.contains(note) { console.say(note) }
      if reading.document != shown.document { try print(reading.document) }
      shown = reading
      pace.end(mayChange: true, hasChanged: true)
    case .failed(let text, _):
      // Once for each time that it stays away.
      if !isFailing { console.say("\(text); it is tried again until it can be read") }
      isFailing = true
      pace.fail()
    }
  }

  private static func call(at instant: ContinuousClock.Instant?, _ body: @escaping @Sendable () -> Void) {
    guard let instant else { return }
    Task {
      // Its only error says that the task was cancelled, which nobody does.
      try? await Task.sleep(until: instant, clock: .continuous)
      body()
    }
  }
}
