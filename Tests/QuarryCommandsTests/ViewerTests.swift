import QuarryCommands
import QuarryCore
import QuarryTerminal
import Synchronization
import Testing

/// What `--tui` draws for which keys, without a terminal.
@Suite struct ViewerTests {
  /// A view, and the source that it reads.
  private final class Bench {
    let source: Source
    private let bell = AsyncStream.makeStream(of: Void.self)
    private var view: DocumentView
    let size: ScreenSize

    final class Source: Sendable {
      let answer: Mutex<DocumentFeed.News>
      init(_ answer: DocumentFeed.News) { self.answer = Mutex(answer) }
    }

    init(_ document: Output, rows: Int = 24, columns: Int = 60, notes: [String] = [], isLive: Bool = false) {
      let reading = DocumentReading(document: document, notes: notes, at: Timestamp(milliseconds: 0))
      let source = Source(.read(reading))
      let bell = self.bell.continuation
      self.source = source
      size = ScreenSize(rows: rows, columns: columns)
      view = DocumentView(
        title: "quarry inspect thing", reading: reading,
        feed: DocumentFeed(announce: { bell.yield() }) { source.answer.withLock { $0 } },
        signs: ViewerSigns(environment: ["LC_ALL": "C.UTF-8"]), mayChange: { _ in isLive })
    }

    var isLive: Bool { view.dueAt != nil }

    /// The rows of the screen.
    func screen() -> [String] { canvas().text }

    func canvas(_ size: ScreenSize? = nil) -> Canvas {
      var canvas = Canvas(size: size ?? self.size)
      view.draw(on: &canvas)
      return canvas
    }

    /// What is selected, as it is drawn.
    func selected() -> String? {
      let canvas = canvas()
      return canvas.text.indices.dropFirst().dropLast(2).first(where: canvas.isReversed).map { canvas.text[$0] }
    }

    @discardableResult
    func press(_ keys: Key...) -> Bool { keys.allSatisfy { view.handle(.input(.key($0))) } }

    func type(_ text: String) { for character in text { press(.character(character)) } }

    func paste(_ text: String) { _ = view.handle(.input(.pasted(text))) }

    /// Reads again, as the key does, what the source answers now.
    func read(_ news: DocumentFeed.News) async {
      source.answer.withLock { $0 = news }
      press(.character("r"))
      var rings = bell.stream.makeAsyncIterator()
      await rings.next()
      _ = view.handle(.news)
    }

    func read(_ document: Output) async {
      await read(.read(DocumentReading(document: document, notes: [], at: Timestamp(milliseconds: 1000))))
    }
  }

  private static func runs(_ ids: [String]) -> Output {
    .list(ids.map { .record([("run_id", .string($0)), ("state", "succeeded"), ("error", .null)]) })
  }

  private static func document(_ ids: [String] = ["r1", "r2"]) -> Output {
    .record([
      .init(name: "job_id", value: .value("j1")), .init(name: "state", value: .value("running")),
      .init(name: "runs", value: runs(ids)), .init(name: "policy", value: .value(["deep": ["deeper": [1, 2]]])),
      .init(name: "tags", value: .list([.value("a"), .value("b")])), .init(name: "none", value: .list([])),
    ])
  }

  @Test func aDocumentIsAnOutline() {
    #expect(
      Bench(Self.document()).screen().prefix(14) == [
        "quarry inspect thing",
        "  job_id  j1",
        "  state   running",
        "▾ runs",
        "    RUN_ID  STATE      ERROR",
        "  ▸ r1      succeeded  null",
        "  ▸ r2      succeeded  null",
        "▾ policy",
        "  ▸ deep  deeper=2",
        "▾ tags",
        "    1  a",
        "    2  b",
        "  none    none",
        "",
      ])
  }

  @Test func keysMoveOpenAndClose() {
    let bench = Bench(Self.document())
    #expect(bench.selected() == "  job_id  j1")
    bench.press(.character("j"), .down, .down)
    #expect(bench.selected() == "  ▸ r1      succeeded  null", "headers are passed over")
    bench.press(.right)
    #expect(
      bench.screen()[5...8] == [
        "  ▾ r1      succeeded  null", "      run_id  r1", "      state   succeeded", "      error   null",
      ])
    bench.press(.right)
    #expect(bench.selected() == "      run_id  r1")
    #expect(bench.screen()[22] == "6/15  runs › r1 › run_id")
    bench.press(.left)
    #expect(bench.selected() == "  ▾ r1      succeeded  null")
    bench.press(.left, .left)
    #expect(bench.selected() == "▾ runs")
    bench.press(.enter)
    #expect(bench.screen()[3] == "▸ runs    2")
    bench.press(.end)
    #expect(bench.selected() == "  none    none")
    bench.press(.home, .up)
    #expect(bench.selected() == "  job_id  j1")
    #expect(!bench.press(.character("q")))
  }

  @Test func longListsScrollBelowTheirHeader() {
    let bench = Bench(Self.runs((1...1000).map { "run-\($0)" }), rows: 10)
    #expect(bench.screen()[1].contains("RUN_ID"))
    bench.press(.pageDown, .pageDown)
    let screen = bench.screen()
    #expect(screen[1].contains("RUN_ID"))
    #expect(bench.selected()?.contains("run-15 ") == true)
    bench.press(.character("G"))
    #expect(bench.selected()?.contains("run-1000") == true)
    #expect(bench.screen()[1].contains("RUN_ID"))
    for _ in 0..<20 {
      bench.press(.up)
      #expect(bench.selected() != nil)
      #expect(bench.screen()[1].contains("RUN_ID"))
    }
    #expect(bench.selected()?.contains("run-980") == true)
  }

  @Test func nothingIsLostThatDoesNotFit() {
    let long = (1...40).map { "word\($0)" }.joined(separator: " ")
    let bench = Bench(
      .record([
        .init(name: "text", value: .value(.string(long))),
        .init(
          name: "rows",
          value: .list([.record([("id", .string(String(repeating: "x", count: 50))), ("text", .string(long))])])),
      ]), columns: 40)
    #expect(bench.screen()[1].hasSuffix("…") && bench.screen()[1].count == 40)
    bench.press(.enter)
    #expect(
      bench.screen()[1...].prefix(10).joined(separator: " ").replacing("  ", with: " ").hasPrefix(long.prefix(300)))
    bench.press(.escape)
    #expect(bench.screen()[1].contains("text"))
    let row = bench.screen()[4]
    #expect(row.filter { $0 == "…" }.count == 2 && row.count <= 40, "\(row)")
  }

  @Test func columnsWithoutRoomAreMarkedAndInTheOpenRow() {
    let names = (1...12).map { "column\($0)" }
    let bench = Bench(.list([.record(names.map { ($0, .string("value of \($0)")) })]), columns: 40)
    #expect(bench.screen()[1].hasSuffix("…"))
    bench.press(.right)
    for name in names { #expect(bench.screen().contains { $0.contains("value of \(name)") }) }
  }

  @Test func wideAndHostileTextKeepsItsColumns() {
    let bench = Bench(
      .list([
        .record([("name", "日本語"), ("state", "done")]), .record([("name", "a\u{1B}[2Jb"), ("state", "dead")]),
        .record([("name", "x\ny"), ("state", "lost")]),
      ]))
    #expect(
      bench.screen()[1...4] == [
        "  NAME         STATE", "▸ 日本語       done", #"▸ a\u001b[2Jb  dead"#, #"▸ x\ny         lost"#,
      ])
  }

  @Test func searchOpensWhatItFinds() {
    let bench = Bench(Self.document())
    bench.press(.character("/"))
    bench.type("qq")
    bench.press(.control("u"))
    bench.paste("DEEPER\nq")
    #expect(bench.screen().last == "/DEEPER")
    bench.press(.enter)
    #expect(bench.screen().last?.hasPrefix("nothing holds 'DEEPER'") == true)
    bench.press(.character("/"))
    bench.type("deeper")
    bench.press(.enter)
    #expect(bench.selected() == "    ▸ deeper  1, 2")
    bench.press(.character("/"))
    bench.type("SUCCEEDED x")
    bench.press(.control("w"), .control("u"))
    bench.type("r2")
    bench.press(.enter)
    #expect(bench.selected() == "  ▸ r2      succeeded  null")
    #expect(bench.screen().last?.hasPrefix("'r2': 1 of 1") == true)
    bench.press(.character("/"), .escape)
    #expect(bench.selected() == "  ▸ r2      succeeded  null")
    bench.press(.character("/"))
    bench.type("succ")
    bench.press(.enter)
    #expect(bench.screen().last?.hasPrefix("'succ': 1 of 2") == true, "over the end")
    bench.press(.character("n"))
    #expect(bench.screen().last?.hasPrefix("'succ': 2 of 2") == true)
    bench.press(.character("N"))
    #expect(bench.screen().last?.hasPrefix("'succ': 1 of 2") == true)
  }

  /// What is selected and open stays, wherever it stands then.
  @Test func aNewReadingKeepsThePlace() async {
    let bench = Bench(Self.document(), isLive: true)
    #expect(bench.isLive)
    bench.press(.down, .down, .down, .down, .right, .down, .down)
    #expect(bench.selected() == "      state   succeeded")
    await bench.read(Self.document(["new", "r1", "r2"]))
    #expect(bench.selected() == "      state   succeeded")
    #expect(bench.screen()[22].hasSuffix("runs › r2 › state"))
    #expect(bench.screen().last?.hasSuffix("live, read 00:00:01Z") == true)
    await bench.read(Self.document(["new", "r1"]))
    #expect(bench.selected() == "▾ runs", "what is gone leaves what it was a part of")
  }

  @Test func aValueThatIsShownAloneFollows() async {
    let bench = Bench(.record([("id", "x"), ("text", "before")]))
    #expect(!bench.isLive)
    bench.press(.down, .enter)
    #expect(bench.screen()[1] == "before")
    await bench.read(.record([("id", "x"), ("text", "after")]))
    #expect(bench.screen()[1] == "after")
  }

  @Test func whatCannotBeReadIsSaid() async {
    let bench = Bench(Self.document())
    await bench.read(.failed("the disk is gone", at: Timestamp(milliseconds: 5000)))
    #expect(bench.screen().last?.hasPrefix("00:00:05Z cannot be read: the disk is") == true)
    #expect(bench.screen()[1] == "  job_id  j1")
    await bench.read(Self.document())
    #expect(bench.screen().last?.contains("cannot") == false)
  }

  @Test func warningsAreShown() {
    #expect(
      Bench(Self.document(), notes: ["warning: one", "warning: two"]).screen().last?.hasPrefix(
        "warning: two (and 1 more)") == true)
  }

  @Test(arguments: [Output.list([]), .record([Output.Field]()), .value("text"), .value(.null), .value([["a": 1], 2])])
  func smallDocuments(_ document: Output) {
    let bench = Bench(document)
    bench.press(.down, .up, .enter, .escape, .left, .right, .escape, .end, .pageUp, .character("n"))
    #expect(bench.screen().contains { !$0.isEmpty })
  }

  /// No size of the screen, and no order of keys, is too much for it.
  @Test func everySizeIsDrawn() {
    let keys: [Key] = [
      .down, .right, .end, .character("?"), .pageDown, .escape, .home, .enter, .character("/"), .enter,
    ]
    let bench = Bench(Self.document((1...30).map { "日本 run-\($0)" }))
    for key in keys {
      bench.press(key)
      for rows in 1...8 {
        for columns in [1, 2, 3, 5, 9, 17, 40, 200] { _ = bench.canvas(ScreenSize(rows: rows, columns: columns)) }
      }
    }
  }
}
