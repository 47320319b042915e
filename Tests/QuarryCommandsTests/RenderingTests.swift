import Foundation
import QuarryCommands
import QuarryCore
import TestSupport
import Testing

@Suite struct RenderingTests {
  private let rows = Output.list([
    .record([("run_id", "r1"), ("state", "succeeded"), ("count", 3)]),
    .record([("run_id", "run-2"), ("state", "failed"), ("count", .null)]),
  ])

  @Test func jsonKeepsTheOrderOfFields() {
    #expect(
      JSONRendering.text(of: .list([.record([("b", 1), ("a", ["x": [1, 2]])])])) == """
        [
          {
            "b": 1,
            "a": {
              "x": [
                1,
                2
              ]
            }
          }
        ]

        """)
    #expect(JSONRendering.text(of: .list([])) == "[]\n")
  }

  @Test func tableAligns() {
    #expect(
      TableRendering(isColored: false).text(of: rows) == """
        RUN_ID  STATE      COUNT
        r1      succeeded  3
        run-2   failed     -

        """)
    #expect(TableRendering(isColored: false).text(of: .list([])) == "nothing to show\n")
  }

  @Test func tableColoursStatesOnly() {
    let text = TableRendering(isColored: true).text(of: rows)
    #expect(text.contains("\u{1B}[32msucceeded\u{1B}[0m"))
    #expect(text.contains("\u{1B}[31mfailed\u{1B}[0m   "))
  }

  @Test func controlCharactersStayOutOfTheTerminal() {
    let text = TableRendering(isColored: false).text(of: .record([("name", "a\u{1B}[2Jb\nc\u{202E}")]))
    #expect(text == #"name  a\u001b[2Jb\nc\u202e"# + "\n")
  }

  @Test func recordsNest() {
    let output = Output.record([
      .init(name: "id", value: .value("x")),
      .init(name: "files", value: .list([.record([("name", "a"), ("size", 1)])])),
    ])
    #expect(TableRendering(isColored: false).text(of: output) == "id     x\nfiles\n  - name=a size=1\n")
  }

  @Test func yamlQuotesWhatWouldChangeItsType() throws {
    let output = Output.record([("a", "1"), ("b", "true"), ("c", "text"), ("d", 1), ("e", .null), ("f", []), ("g", "")])
    #expect(
      try YAMLRendering.text(of: output)
        == "a: \"1\"\nb: \"true\"\nc: text\nd: 1\ne: null\nf: []\ng: \"\"\n")
  }

  @Test func colourNeedsATerminalAndConsent() async throws {
    let folder = TemporaryDirectory()
    try "proxies: { home: { endpoints: [{ protocol: http, host: a.test, port: 80 }] } }"
      .write(toFile: folder.path + "/q.yaml", atomically: true, encoding: .utf8)
    for (environment, isColored) in [([:], true), (["NO_COLOR": "1"], false), (["TERM": "dumb"], false)] {
      let harness = CommandHarness(environment: environment, workingDirectory: folder.path, isTerminal: true)
      let table = await harness.run("list", "pools", "--config", "q.yaml").output
      #expect(table.contains("NAME") && table.contains("\u{1B}") == isColored, "\(environment) \(table)")
    }
    withExtendedLifetime(folder) {}
  }
}
