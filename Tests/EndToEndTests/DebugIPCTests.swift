import Foundation
import QuarryCore
import TestSupport
import Testing

/// The link to an executor, tried and looked at.
@Suite struct DebugIPCTests {
  @Test func theLinkIsTriedWithEveryKindOfFrame() async throws {
    let harness = try RunHarness()
    let result = try await harness.quarry("debug", "ipc", "--verbose")
    #expect(result.exitCode == 0, "\(result.standardError)")
    let answer = try JSONParser.parse(result.standardOutput)
    #expect(answer["transport"] == "stdio" && answer["encoding"] == "msgpack")
    #expect(answer["errors"] == 0 && answer["last_error"] == JSONValue.null && answer["outcome"] == "success")
    let messages = try #require(answer["messages"])
    #expect(messages["event"] == 7 && messages["artifact_chunk"] == 1)
    #expect(messages["file_write"] == 1 && messages["run_result"] == 1)
    #expect(answer["messages_sent"] == 10)
  }

  @Test func anExecutorThatSpeaksOtherwiseIsAnError() async throws {
    let harness = try RunHarness()
    let executor = try harness.script("executor", "#!/bin/sh\nread -r line\necho hello\n")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: executor)
    let result = try await harness.quarry("debug", "ipc", "--executor", executor)
    #expect(result.exitCode == 1)
    let answer = try JSONParser.parse(result.standardOutput)
    #expect(answer["errors"] == 1 && answer["messages_sent"] == 0)
    #expect(answer["last_error"]?.string?.contains("frame") == true, "\(result.standardOutput)")
  }

  @Test func capturedFramesArePrintedAndWhatIsNoneIsNamed() async throws {
    let harness = try RunHarness()
    let script = try harness.script(
      "s.ts",
      """
      export const config = { browser: false };
      export default async ({ emit }) => {
        await emit.item({ item_type: 'thing', data: { n: 1, odd: 'Grüße' } });
        await emit.artifact({ name: 'a', content_type: 'text/plain', data: 'abc' });
      };

      """)
    let frames = harness.path + "/frames"
    let capture = Process()
    capture.executableURL = URL(fileURLWithPath: "/bin/sh")
    capture.arguments = [
      "-c", "echo '{\"run_id\":\"r1\",\"attempt\":1,\"job\":{}}' | \"$0\" \"$1\" > \"$2\"",
      BuiltProducts.root + "/executor-node/bin/quarry-executor", script, frames,
    ]
    try capture.run()
    capture.waitUntilExit()
    let whole = try await harness.quarry("debug", "ipc", "--decode", frames)
    #expect(whole.exitCode == 0 && whole.standardError == "")
    let lines = try whole.standardOutput.split(separator: "\n").map { try JSONParser.parse(String($0)) }
    #expect(
      lines.compactMap { $0["type"]?.string } == ["item", "artifact_chunk", "artifact", "run_complete", "run_result"])
    #expect(lines[0]["payload"]?["data"]?["odd"] == "Grüße" && lines[1]["data"] == "YWJj")

    // A frame that is no map in the middle, and half a frame at the end.
    var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: frames)))
    let first = 4 + bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
    bytes.insert(contentsOf: [0, 0, 0, 1, 7], at: first)
    bytes.removeLast()
    try Data(bytes).write(to: URL(fileURLWithPath: frames))
    let damaged = try await harness.quarry("debug", "ipc", "--decode", frames)
    #expect(damaged.exitCode == 1)
    #expect(damaged.standardOutput.split(separator: "\n").count == 4)
    #expect(damaged.standardError.contains("\(frames), at byte \(first), frame 2: it holds no map"))
    #expect(damaged.standardError.contains("the stream ends inside a frame"))

    let missing = try await harness.quarry("debug", "ipc", "--decode", harness.path + "/none")
    #expect(missing.exitCode == 2 && missing.standardError.contains("/none cannot be read: No such file"))
  }
}
