import QuarryCommands
import QuarryCore
import Synchronization
import Testing

@Suite struct ConsoleTests {
  @Test(arguments: [
    ("plain: ü 漢\n\tand more", "plain: ü 漢\n\tand more"),
    ("ü\u{0}…\u{1B}[2J\r", #"ü\u0000…\u001b[2J\u000d"#),
    ("\u{7F}\u{9B}2J", #"\u007f\u009b2J"#),
  ])
  func controlCharactersAreShownAndNotObeyed(message: String, shown: String) {
    let written = Mutex<[UInt8]>([])
    let console = Console(writeOut: { _ in }, writeError: { bytes in written.withLock { $0 += bytes } })
    console.report(QuarryError(.stream, message, remedy: message))
    #expect(String(decoding: written.withLock { $0 }, as: UTF8.self) == "quarry: \(shown)\n  \(shown)\n")
  }

  @Test(arguments: [LogFormat.text, .json]) func ofALongMessageTheBeginningIsShown(format: LogFormat) {
    let written = Mutex<[UInt8]>([])
    let console = Console(writeOut: { _ in }, writeError: { bytes in written.withLock { $0 += bytes } }).logging(format)
    console.report(QuarryError(.stream, "a" + String(repeating: "ü", count: 100_000)))
    let text = String(decoding: written.withLock { $0 }, as: UTF8.self)
    // 8 KiB end in the middle of a letter, which is left out.
    #expect(text.contains("a" + String(repeating: "ü", count: 4_095) + "… (191810 bytes more)"))
    #expect(text.utf8.count < 9_000)
  }

  @Test func whatAScriptWroteSaysItsTaskWhereThereIsOne() {
    let written = Mutex<[UInt8]>([])
    let console = Console(writeOut: { _ in }, writeError: { bytes in written.withLock { $0 += bytes } })
    console.about(LogSubject(runID: "r")).echo("of a run")
    console.about(LogSubject(taskID: "t", runID: "r")).echo("of a task")
    #expect(String(decoding: written.withLock { $0 }, as: UTF8.self) == "of a run\n[t] of a task\n")
  }
}
